"""The packed images as later nodes read them: memory-mapped uint8 [N, H, W, C] with labels, and their statistics."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.errors import UserError
from stages.core.files import read_json
from stages.core.manifest import class_names, rows_of


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


def load_split(folder: Path, manifest: pd.DataFrame, split: str) -> Pack:
    """Open the packed images of one split with their labels. Raises UserError when they are missing."""
    rows = rows_of(manifest, split)
    path = folder / f"{split}.npy"
    if not path.exists():
        raise UserError(f"{path} is missing; run `dvc repro normalize`")
    images = np.load(path, mmap_mode="r") if len(rows) else np.load(path)
    ids = {name: index for index, name in enumerate(class_names(manifest))}
    labels = rows["label"].map(ids).to_numpy(np.int64)
    if len(images) != len(labels):
        raise UserError(f"{path} holds {len(images)} images, the manifest {len(labels)}; run `dvc repro normalize`")
    return Pack(images, labels, list(rows["path"]))


def read_statistics(folder: Path) -> Statistics:
    """Read statistics.json."""
    found = read_json(folder / "statistics.json")
    return Statistics(found["mean"], found["variance"])
