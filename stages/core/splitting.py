"""Which image goes to train, val or test: stratified, seeded, and never an image and its copy apart."""

import hashlib

import pandas as pd

from stages.core.options import Split


def assign_splits(manifest: pd.DataFrame, split: Split) -> pd.Series:
    """Return the split of every row; missing for an unreadable image.

    Images with equal pixels, and images of one group, form a unit and stay together. A class' units are
    ranked by a hash of (seed, unit) and cut at the quota, so that adding images moves few others. A predefined
    split is kept; where only some splits are predefined, val (and test) are cut from train.
    """
    readable = manifest[manifest["error"].isna()]
    result = pd.Series(pd.NA, index=manifest.index, dtype="str")
    result.loc[readable.index] = readable["given_split"]
    given = set(readable["given_split"].dropna())
    quotas = {
        "test": 0.0 if "test" in given else split.test_fraction,
        "val": 0.0 if "val" in given else split.val_fraction,
    }
    free = readable[readable["given_split"].isna() | (readable["given_split"] == "train")]
    unit = units(free)
    for _, rows in free.groupby(unit.map(free.groupby(unit)["label"].min()), sort=True):
        result.loc[rows.index] = cut(unit.loc[rows.index], quotas, split.seed)
    return result


def cut(unit: pd.Series, quotas: dict[str, float], seed: int) -> pd.Series:
    """Split the rows of one class: units in hash order fill test, then val; the rest is train."""
    sizes = unit.value_counts()
    ranked = sorted(sizes.index, key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())
    places: dict[str, str] = {}
    left = iter(ranked)
    for name, share in quotas.items():
        wanted = max(1, round(share * len(unit))) if share else 0
        n_rows = 0
        while n_rows < wanted and (key := next(left, None)) is not None:
            places[key] = name
            n_rows += int(sizes[key])
    return unit.map(lambda key: places.get(key, "train"))


def units(rows: pd.DataFrame) -> pd.Series:
    """Name the unit of every row: the smallest pixel hash among all rows linked by equal pixels or group."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for pixels, group in zip(rows["pixel_sha256"], rows["group"], strict=True):
        ends = sorted((root(pixels), root(f"~{group}" if isinstance(group, str) else pixels)))
        parent[ends[1]] = ends[0]  # "~" sorts after every hex digit, so a unit is named by a pixel hash
    return rows["pixel_sha256"].map(root)
