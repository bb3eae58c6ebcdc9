"""Packed images: every image decoded and resized once, as memory-mapped uint8 [N, H, W, C] per split."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from stages.core.decoding import decode, fitted
from stages.core.errors import UserError
from stages.core.files import digest, read_json
from stages.core.manifest import SPLITS, class_names, rows_of
from stages.core.measuring import CHUNK, mapped
from stages.core.options import Normalize
from stages.core.source import ROWS, opened_index, read_at


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


def pack_split(archive: Path, numbers: np.ndarray, normalize: Normalize, path: Path) -> np.ndarray:
    """Write some images of the source, by their row numbers, to a .npy of uint8 [N, H, W, C], on all cores.

    numbers: int64 [N], ascending. Returns uint64 [2, C]: exact sums of the values and of their squares.
    """
    channels = 3 if normalize.channels == "rgb" else 1
    shape = (len(numbers), normalize.height, normalize.width, channels)
    np.lib.format.open_memmap(path, "w+", np.uint8, shape).flush()
    tasks = ((archive, index, normalize, path, at) for at, index in chosen(archive, numbers))
    total = np.zeros((2, channels), np.uint64)
    for part in mapped(pack_chunk, tasks, len(numbers)):
        total += part
    return total


def chosen(archive: Path, numbers: np.ndarray) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield (place in `numbers`, rows of the index) in pieces of up to CHUNK, reading the index once."""
    start = at = 0
    for batch in opened_index(archive).iter_batches(batch_size=ROWS, columns=["offset", "n_bytes", "crc32"]):
        end = int(np.searchsorted(numbers, start + batch.num_rows))
        for first in range(at, end, CHUNK):
            rows = numbers[first : min(first + CHUNK, end)] - start
            yield first, batch.take(pa.array(rows))
        start, at = start + batch.num_rows, end


def pack_chunk(task: tuple[Path, pa.RecordBatch, Normalize, Path, int]) -> np.ndarray:
    """Decode some images into their place of the map; runs in a worker. Returns uint64 [2, C] sums."""
    archive, index, normalize, path, start = task
    options = normalize.model_dump()
    pixels = (decode(read_at(archive, **place)).pixels for place in index.to_pylist())
    images = np.stack([fitted(image, **options) for image in pixels])
    packed = np.lib.format.open_memmap(path, "r+")
    packed[start : start + len(images)] = images
    packed.flush()
    return sums(images)


def sums(images: np.ndarray) -> np.ndarray:
    """Sum of values and of squares per channel, uint64 [2, C].

    Integers, so the order of adding can't change the result; 2^64 holds 2.8e14 pixels.
    """
    flat = images.reshape(-1, images.shape[-1]).astype(np.uint32)
    return np.stack([flat.sum(axis=0, dtype=np.uint64), (flat * flat).sum(axis=0, dtype=np.uint64)])


def statistics(total: np.ndarray, n_pixels: int) -> Statistics:
    """Mean and variance per channel from exact sums. Raises ValueError on no pixels."""
    if n_pixels < 1:
        raise ValueError("statistics of no pixels")
    pairs = [(int(value), int(square)) for value, square in total.T]
    mean = [value / n_pixels for value, _ in pairs]
    variance = [(square * n_pixels - value**2) / n_pixels**2 for value, square in pairs]
    return Statistics(mean, variance)


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


def pack_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of each packed split, for pack.json: later nodes name their input without reading it again."""
    return {split: digest(folder / f"{split}.npy") for split in SPLITS}


def read_statistics(folder: Path) -> Statistics:
    """Read statistics.json."""
    found = read_json(folder / "statistics.json")
    return Statistics(found["mean"], found["variance"])
