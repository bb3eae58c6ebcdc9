"""The value range of each sample type of a source that has more than 8 bits: found once, over all of its images."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from stages.core.images.decoding import NotAnImage, samples_of
from stages.core.images.samples import Ranges, merged, ranges_of, span
from stages.core.ingest.source import NOWHERE, ROWS, descriptor, opened_index, read_at
from stages.core.parallel import CHUNK, mapped

HEAD = 26  # bytes in which a PNG says how many bits it has
PNG, PNG_BITS = b"\x89PNG\r\n\x1a\n", 24
NARROW = (b"\xff\xd8", b"GIF8", b"BM", b"RIFF", b"P4", b"P1")  # JPEG, GIF, BMP, WebP, bitmaps: never over 8 bits


def value_ranges(archive: Path, n_workers: int | None = None) -> dict[str, tuple[float, float]]:
    """Find the ranges of a source; {} for one of 8 bits, of which only the first bytes are read."""
    spans: Ranges = {}
    places = list(wide_places(archive))
    tasks = ((archive, places[start : start + CHUNK]) for start in range(0, len(places), CHUNK))
    for part in mapped(spans_of, tasks, len(places), n_workers):
        spans = merged(spans, part)
    return ranges_of(spans)


def wide_places(archive: Path) -> Iterator[dict[str, Any]]:
    """Yield the places of the images that may have more than 8 bits, by their first bytes."""
    for batch in opened_index(archive).iter_batches(batch_size=ROWS, columns=["offset", "n_bytes", "crc32"]):
        yield from wide_of(archive, batch)


def wide_of(archive: Path, batch: pa.RecordBatch) -> Iterator[dict[str, Any]]:
    """The same of some rows of the index."""
    source = descriptor(archive, archive.stat().st_ino)
    offsets, sizes = batch.column("offset").to_pylist(), batch.column("n_bytes").to_pylist()
    for row, (offset, n_bytes) in enumerate(zip(offsets, sizes, strict=True)):
        if offset != NOWHERE and may_be_wide(os.pread(source, min(HEAD, n_bytes), offset)):
            yield {"offset": offset, "n_bytes": n_bytes, "crc32": batch.column("crc32")[row].as_py()}


def may_be_wide(head: bytes) -> bool:
    """Whether a file that begins so may have more than 8 bits a sample."""
    if head.startswith(PNG):
        return head[PNG_BITS : PNG_BITS + 1] == b"\x10"
    return not head.startswith(NARROW)


def spans_of(task: tuple[Path, list[dict[str, Any]]]) -> dict[str, tuple[float, float]]:
    """Least and largest value by sample type of some images; runs in a worker. The unreadable are the gate's matter."""
    archive, places = task
    spans: dict[str, tuple[float, float]] = {}
    for place in places:
        try:
            samples = samples_of(read_at(archive, **place))
        except NotAnImage:
            continue
        if samples is not None and (found := span(samples)):
            spans = merged(spans, {str(samples.dtype): found})
    return spans
