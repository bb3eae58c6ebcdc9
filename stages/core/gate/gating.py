"""The gate: what is decided about every image, what the checks find, and what goes into quarantine."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from stages.core.console import Bar, working
from stages.core.errors import UserError
from stages.core.files import listed
from stages.core.gate.expectations import Promised, judged
from stages.core.gate.findings import N_EXAMPLES, Finding
from stages.core.gate.measuring import Thumbnails
from stages.core.gate.near_duplicates import Pairs, leaders, near_pairs
from stages.core.gate.promises import Measured, Promise, Subject, broken_rows, in_one_unit
from stages.core.gate.splitting import assign_splits, groups
from stages.core.settings.entries import Entry
from stages.core.settings.options import NearCopies, Split

NO_PAIRS = Pairs(*(np.zeros(0, dtype) for dtype in (np.int64, np.int64, np.float32, np.float32)))


@dataclass(frozen=True)
class Inspection:
    """What the checks found: findings in the order of params.yaml, the rows that break each check, the Data Docs.

    of_images: the checks that judge single images, not only the set.
    """

    findings: list[Finding]
    offenders: dict[str, pd.DataFrame]
    data_docs: dict[str, str]
    of_images: set[str]


def subject_of(images: pd.DataFrame, thumbnails: Thumbnails | np.ndarray, split: Split) -> Subject:
    """Decide which images are usable, what belongs together, and who goes where.

    images: as `manifest.compact` gives them; thumbnails: uint8 [N, SIDE, SIDE, 3]. Raises UserError.
    """
    usable = images["error"].isna() & images["note"].isna() & images["label"].notna()
    near, pairs = split.near_copies, NO_PAIRS
    if near:
        contrast = images["contrast"].where(usable, -1).to_numpy(np.float32)
        limits = near.model_dump(exclude={"max_cluster_share", "max_cluster_size"})
        with working("near copies"):
            pairs = near_pairs(thumbnails, contrast, **limits)
    decided = images.assign(
        usable=usable, group=groups(images, split.group_by), quarantine=pd.Series(pd.NA, images.index, dtype="str")
    )
    decided = decided.assign(**clusters(decided, pairs, near))
    return Subject(decided.assign(split=assign_splits(decided, split)), thumbnails, pairs)


def clusters(images: pd.DataFrame, pairs: Pairs, near: NearCopies | None) -> dict[str, pd.Series]:
    """`near`: path of the leader of each image's cluster of near copies; `cluster_share`: its part of the class.

    A cluster too large for copies has a share and no leader: it is a finding, not a group.
    """
    leader = pd.Series(adopted(leaders(pairs, len(images)), pairs), index=images.index)
    inside = leader >= 0
    leader, label = leader[inside], images["label"][inside].astype("str")
    members = label.groupby([leader, label]).transform("size")  # of its own class
    share = (members / label.map(images["label"].value_counts()).astype("float64")).astype("float32")
    small = leader.map(leader.value_counts()) <= (near.max_cluster_size if near else 0)
    kept = small | (share.groupby(leader).transform("max") <= (near.max_cluster_share if near else 0))
    names = images["path"].reindex(leader[kept]).set_axis(leader[kept].index)
    return {
        "near": names.reindex(images.index),
        "cluster_share": share.reindex(images.index, fill_value=0),
        "leads": pd.Series(leader.index == leader, leader.index).reindex(images.index, fill_value=False),
    }


def adopted(leader: np.ndarray, pairs: Pairs) -> np.ndarray:
    """Give an image without a cluster, whose near ones all follow others, to the leader of the nearest of them.

    leader: int64 [N], -1 for none. So that no near copy stands alone in another split; it is one step, not a chain.
    """
    order = np.argsort(pairs.correlation, kind="stable")  # the nearest is written last
    result = leader.copy()
    for own, other in ((pairs.first[order], pairs.second[order]), (pairs.second[order], pairs.first[order])):
        free = leader[own] < 0
        result[own[free]] = leader[other[free]]
    return result


def quarantined(subject: Subject, checks: dict[str, Entry], names: list[str], split: Split) -> Subject:
    """Take the images that break one of the named checks out of the set, and divide the rest anew.

    All checks judge the untouched set, so that none hides what another would find and the order of the names changes
    nothing; an image that breaks several is out for the first of them in `checks`. Raises UserError for a check that
    judges no single images, and when no image of a class would be left.
    """
    if not names:
        return subject
    found = inspect(subject, {name: checks[name] for name in checks if name in names})
    refuse_untold(found.findings)
    for name in names:
        if name not in found.of_images:
            raise UserError(
                f"params.yaml: quarantine: {name} judges the set as a whole and names no images to leave out"
            )
    reason = subject.images["quarantine"].copy()
    for name in reversed(checks):
        if name in names and name in found.offenders:
            reason.loc[found.offenders[name].index] = name
    images = subject.images.assign(quarantine=reason, usable=subject.images["usable"] & reason.isna())
    check_classes(images)
    return replace(subject, images=images.assign(split=assign_splits(images, split)))


def refuse_untold(findings: list[Finding]) -> None:
    """Raise UserError when a check names so many images that it can't tell which of them to leave out."""
    for found in findings:
        if found.untold:
            raise UserError(
                f"params.yaml: quarantine: {found.check} names {found.observed:,} images, more than it can tell apart; "
                f"look at them, then raise checks.{found.check}.max_named_share to leave them out all the same"
            )


def check_classes(images: pd.DataFrame) -> None:
    """Raise UserError when a class has images and none that can be used."""
    label = images["label"].astype("str")
    lost = sorted(set(label.dropna()) - set(label[images["usable"]]))
    if lost:
        raise UserError(f"quarantine leaves no image of class {listed(map(repr, lost))}; mend or remove the class")


def inspect(subject: Subject, checks: dict[str, Entry], with_data_docs: bool = False) -> Inspection:
    """Run every promise of every check over what is not in quarantine, with Great Expectations as the judge.

    Its Data Docs are empty unless they are asked for.
    """
    gone = subject.images["quarantine"].notna()
    kept = replace(subject, images=subject.images[~gone]) if gone.any() else subject  # a copy only where it differs
    measures = dict(measured_by(checks, kept))
    promised = [
        (name, promise) for name, entry in checks.items() for promise in entry.module("checks").promises(entry.options)
    ]
    with working("verdict of Great Expectations"):
        passed, data_docs = judged(*tabulated(measures, promised, kept.images.index), with_data_docs)
    looked = [(name, promise, *told(promise, measures[name], kept.images)) for name, promise in promised]
    findings = [
        qualified(
            shown(finding(name, promise, passed[id(promise)], bad, observed), promise, bad), promise, len(kept.images)
        )
        for name, promise, bad, observed in looked
    ]
    offenders: dict[str, list[pd.DataFrame]] = {}
    for name, promise, bad, _ in looked:
        if is_column(measures[name][promise.measure]) and len(bad):
            offenders.setdefault(name, []).append(bad)
    of_images = {name for name, promise in promised if is_column(measures[name][promise.measure])}
    broken = {name: once(pd.concat(parts)) for name, parts in offenders.items()}
    return Inspection(findings, broken, data_docs, of_images)


def measured_by(checks: dict[str, Entry], subject: Subject) -> Iterator[tuple[str, Measured]]:
    """Yield what each check measures, by its name."""
    with Bar(len(checks), "checks of the data", "checks") as bar:
        for name, entry in checks.items():
            bar.within(name)
            yield name, entry.module("checks").measure(subject, entry.options)
            bar.update()


def once(rows: pd.DataFrame) -> pd.DataFrame:
    """Each row once, at its first place."""
    return rows[~rows.index.duplicated()]


def is_column(measure: pd.Series | float) -> bool:
    """Whether a measure is of every image, not of the whole set."""
    return isinstance(measure, pd.Series)


def tabulated(
    measures: dict[str, Measured], promised: Promised, index: pd.Index
) -> tuple[dict[str, pd.DataFrame], dict[str, Promised]]:
    """Two tables for the judge, with the promises about each: a row an image, and one row of numbers of the set."""
    about: dict[str, Promised] = {"images": [], "set": []}
    columns: dict[str, pd.Series] = {}
    numbers: dict[str, list[float]] = {}
    for name, promise in promised:
        value = measures[name][promise.measure]
        about["images" if isinstance(value, pd.Series) else "set"].append((name, promise))
        if isinstance(value, pd.Series):
            columns[promise.measure] = value
        else:
            numbers[promise.measure] = [value]
    images = pd.DataFrame(columns, index=index, copy=False)  # a million rows need not stand twice
    return {"images": images, "set": pd.DataFrame(numbers)}, about


def told(promise: Promise, measures: Measured, images: pd.DataFrame) -> tuple[pd.DataFrame, float | int]:
    """Rows that break a promise, the worst first, with what their check measured, and their number.

    For a number of the set: all rows, and that number.
    """
    values = measures[promise.measure]
    if not isinstance(values, pd.Series):
        return images, float(f"{values:.4g}")
    rows = values.index[broken_rows(promise, values)]
    columns = {key: column.reindex(rows) for key, column in measures.items() if isinstance(column, pd.Series)}
    bad = images.loc[rows].assign(**columns)
    return bad.sort_values(promise.worst, ascending=False, kind="stable") if promise.worst else bad, len(bad)


def finding(check: str, promise: Promise, passed: bool, bad: pd.DataFrame, observed: float) -> Finding:
    """Say how a promise came out."""
    value = int(observed) if float(observed).is_integer() else observed
    if passed:
        return Finding(check, promise.severity, True, value, promise.limit, promise.text)
    of_images = promise.measure in bad
    remedy = f"`quarantine: [{check}]` in params.yaml leaves them out" if of_images else ""
    examples = list(bad["path"][:N_EXAMPLES]) if of_images else []
    return Finding(check, promise.severity, False, value, promise.limit, promise.explain(bad, value), examples, remedy)


def shown(found: Finding, promise: Promise, bad: pd.DataFrame) -> Finding:
    """Add observed value and limit in one unit, and what is said below the examples."""
    observed, allowed = in_one_unit(promise, found.observed, promise.measure in bad)
    captions: list[str] = []
    if promise.caption and found.examples:
        rows = bad[: len(found.examples)]
        captions = [
            f"{label}; {promise.caption}: {value}"
            for label, value in zip(rows["label"], rows[promise.caption], strict=True)
        ]
    return replace(found, found=observed, allowed=allowed, captions=captions)


def qualified(found: Finding, promise: Promise, n_images: int) -> Finding:
    """Say of what names a large part of the set that it may well be the set, and offer no remedy then.

    As many as are shown as examples can be looked at one by one, whatever their share.
    """
    most, share = promise.max_named_share, found.observed / max(n_images, 1)
    if most is None or not found.examples or found.observed <= N_EXAMPLES or share <= most:
        return found
    doubt = (
        f"; these are {share:.0%} of the set, so it can't be told from what is usual here "
        f"(checks.{found.check}.max_named_share is {most:g}): look at some before anything is left out"
    )
    return replace(found, message=found.message + doubt, remedy="", untold=True)
