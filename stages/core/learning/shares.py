"""Growing shares of the training images, each within the next: whole groups, and of every class its part."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from stages.core.gate.splitting import units
from stages.core.images.packs import Pack
from stages.core.training.data import Data

COLUMNS = ["path", "label", "split", "pixel_sha256", "group", "near"]


def nested(rows: pd.DataFrame, shares: list[float], seed: int) -> list[np.ndarray]:
    """Places int64, sorted, of the images of each share: a larger share of one seed holds all of a smaller one.

    rows: COLUMNS of the training images in the order of their pack. Equal pixels, near copies and groups come in
    together, as when splits are made. A class' groups are taken in an order that the seed draws until it has its share:
    at least one of them.
    """
    rows = rows.reset_index(drop=True)
    unit = units(rows.assign(pixels=pd.factorize(rows["pixel_sha256"], sort=True)[0])).to_numpy()
    names, member = np.unique(unit, return_inverse=True)
    rank = np.random.default_rng(seed).permutation(len(names))[member]
    label = rows["label"].astype("str").groupby(unit).transform("min").to_numpy()
    before = np.empty(len(rows))  # share of the class that comes in ahead of an image's group
    for name in np.unique(label):
        own = np.flatnonzero(label == name)
        _, first, inverse = np.unique(np.sort(rank[own]), return_index=True, return_inverse=True)
        order = np.argsort(rank[own], kind="stable")
        before[own[order]] = first[inverse] / len(own)
    return [np.flatnonzero(before < share) for share in shares]


class Rows:
    """Some rows of an array [N, ...], read when they are asked for: no share of a memory map is whole in memory."""

    def __init__(self, whole: Any, rows: np.ndarray) -> None:
        self.whole, self.rows, self.dtype = whole, rows, whole.dtype
        self.shape = (len(rows), *whole.shape[1:])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: "np.ndarray | slice") -> np.ndarray:
        """Return a copy of some rows; an index is a slice or int64 [R]."""
        return np.asarray(self.whole[self.rows[rows]])


def cut_down(data: Data, rows: np.ndarray) -> Data:
    """The data with these training images alone, and no test images; the statistics stay those of all of them."""
    train = data.train
    images: Any = Rows(train.images, rows)
    features: Any = data.features
    if features and "train" in features.splits:
        stored: Any = Rows(features.splits["train"], rows)
        features = replace(features, splits={**features.splits, "train": stored})
    pack = Pack(images, train.labels[rows], [train.paths[row] for row in rows])
    groups = None if data.groups is None else data.groups[rows]
    return replace(data, train=pack, test=None, looks={}, features=features, groups=groups)
