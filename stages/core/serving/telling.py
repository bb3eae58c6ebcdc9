"""Answers as rows: what is said of an image, for CSV, JSON and parquet, written as they come."""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.errors import UserError
from stages.core.files import replaced
from stages.core.ingest.source import batched
from stages.core.plain_text import guarded
from stages.core.serving.streaming import Answer
from stages.core.tracking.served_model import ServedModel

FORMATS = ("csv", "json", "parquet")
ROWS = 1 << 14  # of a parquet file that are held at once
Row = dict[str, Any]


def told(answer: Answer, model: ServedModel, top: int) -> Row:
    """One answer: image, label, confidence, sure, the `top` most probable classes, error; None where unknown."""
    row: Row = {"image": answer.name, "label": None, "confidence": None, "sure": None, "top": [], "error": None}
    if answer.probabilities is None:
        return row | {"error": answer.error}
    said = answer.probabilities
    best = np.argsort(-said, kind="stable")[:top]
    first = {"label": model.classes[best[0]], "confidence": float(said[best[0]])}
    ranked = [{"label": model.classes[at], "confidence": float(said[at])} for at in best]
    return row | first | {"sure": model.sure(said[best[:1]])[0], "top": ranked}


def columns(top: int) -> list[str]:
    """Columns of a table: the second most probable class is label_2, and so on."""
    more = [f"{name}_{rank}" for rank in range(2, top + 1) for name in ("label", "confidence")]
    return ["image", "label", "confidence", "sure", *more, "error"]


def flat(row: Row) -> Row:
    """A row of a table."""
    ranked = enumerate(row["top"][1:], start=2)
    more = {f"{name}_{rank}": one[name] for rank, one in ranked for name in ("label", "confidence")}
    return {name: value for name, value in row.items() if name != "top"} | more


def write(rows: Iterator[Row], kind: str, top: int, path: Path) -> None:
    """Write rows to a file, whole or not at all."""
    with replaced(path) as temporary:
        if kind == "parquet":
            write_parquet(rows, top, temporary)
            return
        with temporary.open("w", encoding="utf-8", newline="") as stream:
            stream.writelines(lines(rows, kind, top))


def lines(rows: Iterable[Row], kind: str, top: int) -> Iterator[str]:
    """Rows as the lines of a CSV or a JSON array. Raises UserError for parquet, which has none."""
    if kind == "csv":
        return csv_lines(rows, top)
    if kind == "json":
        return json_lines(rows)
    raise UserError("parquet is no text; name its file with --out FILE.parquet")


class Written:
    """A file that gives back what is written: csv.writer makes its lines with it."""

    def write(self, text: str) -> str:
        """The text itself."""
        return text


def csv_lines(rows: Iterable[Row], top: int) -> Iterator[str]:
    """A header and a line an image; a name that a spreadsheet would take for a formula gets an apostrophe."""
    names, line = columns(top), csv.writer(Written(), lineterminator="\n").writerow
    yield str(line(names))
    for row in rows:
        cells = flat(row)
        yield str(line([cell(cells.get(name)) for name in names]))


def cell(value: Any) -> str:
    """One value of a CSV."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else guarded(str(value))


def json_lines(rows: Iterable[Row]) -> Iterator[str]:
    """A JSON array with a line an image."""
    before = "[\n"
    for row in rows:
        yield before + json.dumps(row, ensure_ascii=False)
        before = ",\n"
    yield "\n]\n" if before == ",\n" else "[]\n"


def write_parquet(rows: Iterator[Row], top: int, path: Path) -> None:
    """A table with a row an image."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"confidence": pa.float32(), "sure": pa.bool_()}
    schema = pa.schema({name: kinds.get(name.partition("_")[0], pa.string()) for name in columns(top)})
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in batched(rows, ROWS):
            writer.write_batch(pa.RecordBatch.from_pylist([flat(row) for row in batch], schema))
