"""What became of the images between two manifests: pure joins of tables, on the columns that are needed."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

COLUMNS = ["path", "sha256", "label", "split", "quarantine"]
KINDS = ("added", "removed", "renamed", "changed", "relabelled", "moved", "quarantined", "let in")
FIELDS = ("path", "label", "split", "quarantine")  # of both sides, in a row of the difference


def difference(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Every change between two manifests with COLUMNS, sorted by kind and path; an image may have several.

    Returns the columns kind, class, and `FIELDS` of both as old_… and new_…, None where there is no such image. An
    image is the same one when its path is; or when its bytes are, and its path is gone from one and new in the other:
    then it was renamed. Its class is the new one, of a removed image the old one.
    """
    both = matched(old, new)
    rows = [both[mask].assign(kind=kind) for kind, mask in kinds(both).items()]
    found = pd.concat(rows)
    found["class"] = found["new_label"].where(found["new_label"].notna(), found["old_label"])
    ordered = found.assign(
        rank=found["kind"].map({kind: rank for rank, kind in enumerate(KINDS)}),
        place=found["new_path"].where(found["new_path"].notna(), found["old_path"]),
    ).sort_values(["rank", "place"], kind="stable")
    names = [f"{side}_{name}" for name in FIELDS for side in ("old", "new")]
    plain = ordered[["kind", "class", *names]].astype("object")
    return plain.where(plain.notna(), None).reset_index(drop=True)


def matched(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """One row an image of either side, with the columns of both as old_… and new_…; missing where it is not there."""
    before, after = (side[COLUMNS].add_prefix(name) for side, name in ((old, "old_"), (new, "new_")))
    same = before.merge(after, how="outer", left_on="old_path", right_on="new_path")
    gone, came = same["new_path"].isna(), same["old_path"].isna()
    lost = numbered(same.loc[gone, list(before)], "old_sha256")
    found = numbered(same.loc[came, list(after)], "new_sha256")
    rest = lost.merge(found, how="outer", left_on=["old_sha256", "copy"], right_on=["new_sha256", "copy"])
    return pd.concat([same[~gone & ~came], rest.drop(columns="copy")], ignore_index=True)


def numbered(rows: pd.DataFrame, sha256: str) -> pd.DataFrame:
    """Number equal images by path, so that each is matched with one; those without a hash match none.

    A missing hash would otherwise equal another: pandas joins missing values.
    """
    ordered = rows.sort_values(sha256.replace("sha256", "path"), kind="stable")
    copy = ordered.groupby(sha256, dropna=False).cumcount()
    sign = -1 if sha256.startswith("old") else -1_000_000_000  # what has no hash gets numbers of its own side
    return ordered.assign(copy=np.where(ordered[sha256].isna(), sign - copy, copy))


def kinds(both: pd.DataFrame) -> dict[str, pd.Series]:
    """Which rows of `matched` are of which kind, bool each."""
    there = both["old_path"].notna() & both["new_path"].notna()
    old_held, new_held = both["old_quarantine"].notna(), both["new_quarantine"].notna()
    same_custody = old_held == new_held  # what goes into quarantine leaves its split by that
    return {
        "added": both["old_path"].isna(),
        "removed": both["new_path"].isna(),
        "renamed": there & (both["old_path"] != both["new_path"]),
        "changed": there & differ(both["old_sha256"], both["new_sha256"]),
        "relabelled": there & differ(both["old_label"], both["new_label"]),
        "moved": there & same_custody & differ(both["old_split"], both["new_split"]),
        "quarantined": there & ~old_held & new_held,
        "let in": there & old_held & ~new_held,
    }


def differ(old: pd.Series, new: pd.Series) -> pd.Series:
    """Whether two values differ, bool; two missing ones don't."""
    return (old != new).fillna(True) & (old.notna() | new.notna())


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """Images by class and kind, int, the sum of all classes as the last row; kinds that don't occur are left out."""
    counts = pd.crosstab(found["class"].fillna("(no class)"), found["kind"])
    counts = counts[[kind for kind in KINDS if kind in counts]].sort_index()
    counts.loc["all"] = counts.sum()
    return counts


def sentence(row: dict[str, Any]) -> str:
    """One change in words."""
    old, new = row["old_path"], row["new_path"]
    return {
        "added": f"{new} ({row['new_split'] or 'in no split'})",
        "removed": f"{old} ({row['old_split'] or 'in no split'})",
        "renamed": f"{old} -> {new}",
        "changed": f"{new}: other bytes",
        "relabelled": f"{new}: {row['old_label']} -> {row['new_label']}",
        "moved": f"{new}: {row['old_split'] or 'no split'} -> {row['new_split'] or 'no split'}",
        "quarantined": f"{new}: for {row['new_quarantine']}",
        "let in": f"{new}: was out for {row['old_quarantine']}",
    }[row["kind"]]


def changed_facts(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """(fact, old, new) of every fact about the source that differs; None where one doesn't say."""
    names: Iterable[str] = sorted({*old, *new})
    return [(name, old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)]
