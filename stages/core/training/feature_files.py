"""Features of the packed images as `features` stores them and later nodes read them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.core.console import progress
from stages.core.errors import UserError
from stages.core.files import blank_array, read_array, read_json
from stages.core.images.manifest import SPLITS

BACKBONE, ABOUT = "backbone.keras", "about.json"
BATCH = 64  # images at once: another number would change the last bits of features


@dataclass(frozen=True)
class Features:
    """What features@B wrote: the backbone, the shape of an image's features, and those of all images.

    splits: float32 [N, *shape] by split, memory-mapped, in the order of the packs; none where `store` is false.
    """

    name: str
    backbone: Path
    shape: tuple[int, ...]
    splits: dict[str, np.ndarray]

    def stored(self, split: str) -> np.ndarray:
        """Features of a split. Raises UserError when they were not stored."""
        if split not in self.splits:
            raise UserError(
                f"params.yaml: backbones.{self.name}.store must be true for an entry that takes features alone"
            )
        return self.splits[split]


def read_features(name: str, folder: Path) -> Features:
    """Open what features@<name> wrote. Raises UserError before it has run."""
    if not (folder / ABOUT).exists():
        raise UserError(f"{folder / ABOUT} is missing; run `dvc repro features@{name}`")
    shape = tuple(read_json(folder / ABOUT)["feature_shape"])
    paths = {split: folder / f"{split}.npy" for split in SPLITS}
    splits = {split: opened(path) for split, path in paths.items() if path.exists()}
    return Features(name, folder / BACKBONE, shape, splits)


def opened(path: Path) -> np.ndarray:
    """Map the array of a .npy; an empty one (a header of 128 bytes) can't be mapped and is read."""
    return read_array(path, mapped=path.stat().st_size > 128)


def write_split(
    see: Callable[[np.ndarray], np.ndarray], images: np.ndarray, path: Path, shape: tuple[int, ...]
) -> None:
    """Write see(images) to a .npy of float32 [N, *shape], a batch at a time. images: uint8 [N, H, W, C]."""
    if not len(images):
        np.save(path, np.zeros((0, *shape), np.float32))
        return
    out = blank_array(path, np.float32, (len(images), *shape))
    for at in progress(range(0, len(images), BATCH), -(-len(images) // BATCH), f"features: {path.stem}", "batches"):
        out[at : at + BATCH] = see(np.asarray(images[at : at + BATCH]))
    out.flush()
