"""Packed images: every image decoded and resized once, as memory-mapped uint8 [N, H, W, C] per split."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from stages.core.console import progress
from stages.core.files import blank_array, digest
from stages.core.images.decoding import decode, fitted
from stages.core.images.manifest import SPLITS
from stages.core.images.packs import Statistics
from stages.core.images.samples import Ranges
from stages.core.ingest.source import ROWS, opened_index, read_at
from stages.core.parallel import CHUNK, mapped
from stages.core.settings.options import Normalize


def pack_split(
    archive: Path, numbers: np.ndarray, normalize: Normalize, path: Path, ranges: Ranges | None = None
) -> np.ndarray:
    """Write some images of the source, by their row numbers, to a .npy of uint8 [N, H, W, C], on all cores.

    numbers: int64 [N], ascending. ranges: of the set's wide samples. Returns uint64 [2, C]: exact sums of the values
    and of their squares.
    """
    channels = 3 if normalize.channels == "rgb" else 1
    shape = (len(numbers), normalize.height, normalize.width, channels)
    blank_array(path, np.uint8, shape)
    tasks = ((archive, index, (normalize, ranges), path, at) for at, index in chosen(archive, numbers))
    total = np.zeros((2, channels), np.uint64)
    parts = mapped(pack_chunk, tasks, len(numbers))
    for part in progress(parts, len(numbers), f"normalize: {path.stem}", size=CHUNK):
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


def pack_chunk(task: tuple[Path, pa.RecordBatch, tuple[Normalize, Ranges | None], Path, int]) -> np.ndarray:
    """Decode some images into their place of the map; runs in a worker. Returns uint64 [2, C] sums."""
    archive, index, (normalize, ranges), path, start = task
    options = normalize.model_dump()
    pixels = (decode(read_at(archive, **place), ranges).pixels for place in index.to_pylist())
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


def packed(normalize: Normalize, ranges: Ranges) -> dict[str, Any]:
    """How images were packed, for pack.json and so for every candidate: size, colour, and ranges if there are any."""
    return {"normalize": normalize.model_dump(), **({"ranges": dict(ranges)} if ranges else {})}


def pack_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of each packed split, for pack.json: later nodes name their input without reading it again."""
    return {split: digest(folder / f"{split}.npy") for split in SPLITS}
