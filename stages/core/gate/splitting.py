"""Which image goes to train, val or test: stratified, seeded, and never an image and its copy apart."""

import numpy as np
import pandas as pd

from stages.core.errors import UserError
from stages.core.ingest.folders import split_of_name
from stages.core.settings.options import GroupBy, Split


def groups(images: pd.DataFrame, by: GroupBy) -> pd.Series:
    """Return the group of every image, missing for none; images of one group are never divided.

    Raises UserError when a folder level or an expression finds no group at all.
    """
    if by.regex is not None:
        found = images["path"].str.extract(by.regex, expand=False)
        found = found if isinstance(found, pd.Series) else found.bfill(axis=1).iloc[:, 0]
        how = f"regex: {by.regex}"
    elif by.folder is not None:
        found = images["path"].str.split("/").map(lambda parts: folder_at(parts[:-1], by.folder or 0))
        how = f"folder: {by.folder}"
    else:
        return images["given_group"].astype("str") if by.column else pd.Series(pd.NA, images.index, dtype="str")
    if found.isna().all():
        raise UserError(f"params.yaml: split.group_by.{how} finds no group in any path, e.g. {images['path'].iloc[0]}")
    return found.astype("str").where(found != "")


def folder_at(folders: list[str], level: int) -> str | None:
    """The path down to a folder, without train/, val/, test/: level 1 is the outermost, -1 the one an image lies in."""
    n = level if level > 0 else len(folders) + 1 + level
    kept = [name for name in folders[:n] if not split_of_name(name)]  # a group may stand below several
    return "/".join(kept) if 1 <= n <= len(folders) and kept else None


def assign_splits(images: pd.DataFrame, split: Split) -> pd.Series:
    """Return the split of every row; missing where `usable` is false.

    images: usable, label, given_split, group, near, pixels and rank (see `manifest.compact`). Images with equal
    pixels, near copies of one leader and images of one group form a unit and stay together. A class' units are taken in
    the order of their ranks and cut at the quota, so that adding images moves few others. A predefined split is
    kept; where only some splits are predefined, val (and test) are cut from train.
    """
    usable = images[images["usable"]]
    result = pd.Series(pd.NA, index=images.index, dtype="str")
    result.loc[usable.index] = usable["given_split"].astype("str")
    given = set(usable["given_split"].dropna())
    quotas = {
        "test": 0.0 if "test" in given else split.test_fraction,
        "val": 0.0 if "val" in given else split.val_fraction,
    }
    free = usable[usable["given_split"].isna() | (usable["given_split"] == "train")]
    unit = units(free)
    label = free["label"].astype("str").groupby(unit).transform("min")
    for _, rows in free.groupby(label, sort=True):
        result.loc[rows.index] = cut(unit.loc[rows.index].to_numpy(), rows, quotas)
    return result


def cut(unit: np.ndarray, rows: pd.DataFrame, quotas: dict[str, float]) -> np.ndarray:
    """Split the rows of one class: units in the order of their ranks fill test, then val; the rest is train.

    unit: int64 [N]. Returns object [N]. A unit has the rank of its smallest pixel hash, which names it.
    """
    places = np.full(len(unit), "train", dtype=object)
    names, member, sizes = np.unique(unit, return_inverse=True, return_counts=True)
    own = (rows["pixels"].to_numpy() == unit).nonzero()[0]
    rank = np.zeros(len(names), np.uint64)
    rank[member[own]] = rows["rank"].to_numpy()[own]
    order = np.lexsort((names, rank))
    before = sizes[order].cumsum() - sizes[order]  # images ahead of each unit
    start = 0
    for name, share in quotas.items():
        wanted = max(1, round(share * len(unit))) if share else 0
        taken = (before >= start) & (before < start + wanted)
        taken[-1:] = False  # the last unit is left to train on
        places[np.isin(member, order[taken])] = name
        start += int(sizes[order][taken].sum())
    return places


def units(rows: pd.DataFrame) -> pd.Series:
    """Name the unit of every row, int64: the smallest `pixels` among all rows linked by pixels, group or near copy."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    pixels, image = np.unique(rows["pixels"].to_numpy(), return_inverse=True)
    ends, n_nodes = [], len(pixels)
    for column in ("group", "near"):
        codes, known = pd.factorize(rows[column])
        ends.append((image[codes >= 0], n_nodes + codes[codes >= 0]))
        n_nodes += len(known)
    first, second = (np.concatenate(parts) for parts in zip(*ends, strict=True))
    if not len(first):
        return rows["pixels"]
    links = coo_matrix((np.ones(len(first), bool), (first, second)), (n_nodes, n_nodes))
    part = connected_components(links, directed=False)[1][: len(pixels)]
    smallest = np.full(part.max() + 1, np.iinfo(np.int64).max)
    np.minimum.at(smallest, part, pixels)
    return pd.Series(smallest[part[image]], index=rows.index)
