"""What one look at every image tells: hashes, size, light, crispness, and a thumbnail to compare it with others by.

Each image is decoded once, on all cores; results come in chunks, in the order of the index, so that a million images
need no more memory than ten thousand.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from stages.core.gate.looks import Look, looked, looks, one_core, quantization
from stages.core.gate.value_ranges import value_ranges
from stages.core.images.decoding import Decoded, NotAnImage, decode
from stages.core.images.samples import Ranges
from stages.core.ingest.source import NOWHERE, opened_index, read_at
from stages.core.parallel import CHUNK, mapped

SIDE = 16  # pixels of a thumbnail

SCHEMA = pa.schema(
    {
        "path": pa.string(), "label": pa.string(), "given_split": pa.string(), "given_group": pa.string(),
        "note": pa.string(), "sha256": pa.string(), "pixel_sha256": pa.string(), "width": pa.int32(),
        "height": pa.int32(), "mode": pa.string(), "bits": pa.int32(), "format": pa.string(), "n_bytes": pa.int64(),
        "quantization": pa.int32(), "red": pa.float32(), "green": pa.float32(), "blue": pa.float32(),
        "brightness": pa.float32(), "contrast": pa.float32(), "darkest": pa.float32(), "lightest": pa.float32(),
        "crispness": pa.float32(), "flags": pa.string(), "error": pa.string(),
    }
)  # fmt: skip


@dataclass(frozen=True)
class Chunk:
    """Rows of SCHEMA, and their thumbnails uint8 [N, SIDE, SIDE, 3], zero where an image can't be read."""

    rows: pa.RecordBatch
    thumbnails: np.ndarray


@dataclass(frozen=True)
class Thumbnails:
    """Thumbnails of n images in a file of raw uint8 [n, SIDE, SIDE, 3]; rows are read as they are asked for.

    Not a memory map: the pages of a million of them would count as 768 MB of memory.
    """

    path: Path
    n: int

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Thumbnails of these rows, uint8 [R, SIDE, SIDE, 3]: in one read where they lie close together."""
        if not len(rows):
            return np.zeros((0, SIDE, SIDE, 3), np.uint8)
        first, last = int(rows.min()), int(rows.max())
        with self.path.open("rb") as stream:
            if last - first < 2 * len(rows):
                return self.read(stream, first, last + 1 - first)[rows - first]
            return np.concatenate([self.read(stream, row, 1) for row in rows.tolist()])

    def read(self, stream: BinaryIO, first: int, n: int) -> np.ndarray:
        """Thumbnails of n neighbouring rows."""
        stream.seek(first * SIDE * SIDE * 3)
        return np.frombuffer(stream.read(n * SIDE * SIDE * 3), np.uint8).reshape(n, SIDE, SIDE, 3)


def measured(archive: Path, n_workers: int | None = None, ranges: Ranges | None = None) -> Iterator[Chunk]:
    """Yield chunks of measured images in the order of the index, on all cores. Raises UserError on a damaged source.

    ranges: those of the source's wide samples; None finds them first.
    """
    index, known = opened_index(archive), value_ranges(archive, n_workers) if ranges is None else ranges
    tasks = (
        (archive, batch.slice(start, CHUNK), known)
        for batch in index.iter_batches(batch_size=CHUNK * 64)
        for start in range(0, batch.num_rows, CHUNK)
    )
    yield from mapped(measure_chunk, tasks, index.metadata.num_rows, n_workers)


def measure_chunk(task: tuple[Path, pa.RecordBatch, Ranges]) -> Chunk:
    """Measure some members of the zip; runs in a worker."""
    archive, index, ranges = task
    one_core()
    rows, seen = zip(*(measure(archive, place, ranges) for place in index.to_pylist()), strict=True)
    found, thumbnails = looks(seen)
    unreadable = np.array([row.get("error") is not None for row in rows])
    table = pa.RecordBatch.from_pylist(list(rows), SCHEMA)
    for name, values in found.items():
        column = pa.array(np.round(values, 3), pa.float32(), mask=unreadable)
        table = table.set_column(SCHEMA.get_field_index(name), SCHEMA.field(name), column)
    return Chunk(table, thumbnails)


def measure(archive: Path, place: dict[str, Any], ranges: Ranges) -> tuple[dict[str, Any], Look]:
    """Read, decode and look at one member; its row so far has an `error` when it can't be read."""
    row = {"path": place["path"], "label": place["label"], "given_split": place["split"]}
    row |= {"given_group": place["group"], "note": place["note"], "n_bytes": place["n_bytes"]}
    if place["offset"] == NOWHERE:
        return row | {"error": place["note"] or "no such file"}, looked(None, SIDE)
    data = read_at(archive, place["offset"], place["n_bytes"], place["crc32"])
    row["sha256"] = hashlib.sha256(data).hexdigest()
    try:
        image = decode(data, ranges)
    except NotAnImage as error:
        return row | {"error": str(error)}, looked(None, SIDE)
    return row | described(image) | {"quantization": quantization(data)}, looked(image.pixels, SIDE)


def described(image: Decoded) -> dict[str, Any]:
    """What a decoded image says of its file."""
    height, width = image.pixels.shape[:2]
    pixels = hashlib.sha256(f"{height}x{width}".encode())
    pixels.update(np.ascontiguousarray(image.pixels).data)
    bits = 16 if "deep" in image.flags else 1 if image.mode == "1" else 8
    known = {"width": width, "height": height, "mode": image.mode, "bits": bits, "format": image.format}
    return {**known, "pixel_sha256": pixels.hexdigest(), "flags": " ".join(image.flags)}
