"""The packed images as later nodes read them: memory-mapped uint8 [N, H, W, C] with labels, and their statistics."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.errors import UserError
from stages.core.files import read_array, read_json
from stages.core.images.manifest import class_names, rows_of


@dataclass(frozen=True)
class Statistics:
    """Mean and variance per channel of the train images, float64 [C], in units of 0-255."""

    mean: list[float]
    variance: list[float]


@dataclass(frozen=True)
class Pack:
    """One split: images uint8 [N, H, W, C] (memory-mapped), labels int64 [N], names of their files."""

    images: np.ndarray
    labels: np.ndarray
    paths: list[str]


class Joined:
    """Two arrays [N, ...] and [M, ...] that are read as one [N + M, ...]: only the rows asked for are in memory."""

    def __init__(self, first: np.ndarray, second: np.ndarray) -> None:
        self.first, self.second, self.dtype = first, second, first.dtype
        self.shape = (len(first) + len(second), *first.shape[1:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: "np.ndarray | slice") -> np.ndarray:
        """Return a copy of some rows; an index is a slice or int64 [R]."""
        wanted = np.arange(len(self))[rows]
        late, found = wanted >= len(self.first), np.empty((len(wanted), *self.shape[1:]), self.dtype)
        found[~late] = self.first[wanted[~late]]
        found[late] = self.second[wanted[late] - len(self.first)]
        return found


def joined(first: Pack, second: Pack) -> Pack:
    """Both packs as one, the first's images before the second's, without reading either."""
    both = np.concatenate([first.labels, second.labels])
    return Pack(Joined(first.images, second.images), both, first.paths + second.paths)  # type: ignore[arg-type]


def load_split(folder: Path, manifest: pd.DataFrame, split: str) -> Pack:
    """Open the packed images of one split with their labels. Raises UserError when they are missing."""
    rows = rows_of(manifest, split)
    path = folder / f"{split}.npy"
    if not path.exists():
        raise UserError(f"{path} is missing; run `dvc repro normalize`")
    images = read_array(path, mapped=bool(len(rows)))
    ids = {name: index for index, name in enumerate(class_names(manifest))}
    labels = rows["label"].map(ids).to_numpy(np.int64)
    if len(images) != len(labels):
        raise UserError(f"{path} holds {len(images)} images, the manifest {len(labels)}; run `dvc repro normalize`")
    return Pack(images, labels, list(rows["path"]))


def read_statistics(folder: Path) -> Statistics:
    """Read statistics.json."""
    found = read_json(folder / "statistics.json")
    return Statistics(found["mean"], found["variance"])
