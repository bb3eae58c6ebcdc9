"""The manifest on its way: measured rows written as they come, read back in little memory, completed with decisions."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.files import canonical, replaced
from stages.core.gate.measuring import SCHEMA, Chunk
from stages.core.images.manifest import RANGES, read_ranges
from stages.core.images.samples import Ranges
from stages.core.ingest.source import ROWS, batched
from stages.core.parallel import CHUNK

DECIDED = pa.schema({"split": pa.string(), "group": pa.string(), "near": pa.string(), "quarantine": pa.string()})
FEW = ["label", "given_split", "given_group", "note", "mode", "format", "flags", "error"]  # few values: held as codes
HASHES = ("sha256", "pixel_sha256")


def write_rows(path: Path, chunks: Iterable[Chunk], thumbnails: Path, ranges: Ranges | None = None) -> None:
    """Write measured rows as parquet, with the ranges they were measured by, and thumbnails, as they come."""
    with (
        pq.ParquetWriter(path, SCHEMA, compression="none", use_dictionary=FEW) as writer,
        thumbnails.open("wb") as stream,
    ):
        for some in batched(chunks, ROWS // CHUNK):  # a row group each: small ones cost more than their rows
            writer.write_table(pa.Table.from_batches([chunk.rows for chunk in some]))
            stream.writelines(chunk.thumbnails.tobytes() for chunk in some)
        if ranges:
            writer.add_key_value_metadata({RANGES: canonical(ranges)})


def compact(path: Path, seed: int) -> pd.DataFrame:
    """Read written rows in the least memory: a hundred bytes a row, beside the paths.

    Hashes become `pixels`, int64: equal for equal pixels, in the order of the hashes, -1 for none; and `rank`, uint64:
    the place of an image in the order that the seed draws, a hash of (seed, pixels).
    """
    columns = [name for name in SCHEMA.names if name not in HASHES]
    table = pq.read_table(path, columns=columns, read_dictionary=FEW)
    frame = table.to_pandas(split_blocks=True, self_destruct=True)
    return frame.assign(**places(pq.ParquetFile(path), seed))


def places(rows: pq.ParquetFile, seed: int) -> dict[str, np.ndarray]:
    """`pixels` and `rank` of every row; see `compact`. 128 bits of SHA-256 tell images apart."""
    n, at = rows.metadata.num_rows, 0
    high, low, rank = (np.zeros(n, np.uint64) for _ in range(3))
    known = np.zeros(n, bool)
    for batch in rows.iter_batches(columns=["pixel_sha256"]):
        for text in batch.column(0).to_pylist():
            if text is not None:
                known[at], rank[at] = True, ranked(seed, text)
                high[at], low[at] = int(text[:16], 16), int(text[16:32], 16)
            at += 1
    order = np.lexsort((low, high))
    new = (np.diff(high[order], prepend=high[order][:1]) != 0) | (np.diff(low[order], prepend=low[order][:1]) != 0)
    pixels = np.empty(n, np.int64)
    pixels[order] = new.cumsum()
    return {"pixels": np.where(known, pixels, -1), "rank": rank}


def ranked(seed: int, pixel_sha256: str) -> int:
    """Place of an image in the order that a seed draws: 64 bits of a hash of both."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{pixel_sha256}".encode()).digest()[:8])


def write_manifest(path: Path, rows: Path, decided: pd.DataFrame) -> None:
    """Write the manifest: the measured rows, in their order, with the columns of DECIDED, whole or not at all.

    The ranges of wide samples go along in its metadata; a set of 8 bits has none.
    """
    schema = pa.schema([*SCHEMA, *DECIDED])
    at, ranges = 0, read_ranges(rows)
    with replaced(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for batch in pq.ParquetFile(rows, pre_buffer=False).iter_batches(ROWS):
            part = decided.iloc[at : at + batch.num_rows][DECIDED.names]
            added = pa.RecordBatch.from_pandas(part, DECIDED, preserve_index=False)
            writer.write_batch(pa.RecordBatch.from_arrays([*batch.columns, *added.columns], schema=schema))
            at += batch.num_rows
        if ranges:
            writer.add_key_value_metadata({RANGES: canonical(ranges)})
