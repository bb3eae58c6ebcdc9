"""Tables of labels, CSV or parquet: every value stays the text that was written."""

import csv
from collections.abc import Iterator
from pathlib import Path

from stages.core.errors import UserError, did_you_mean
from stages.core.files import listed
from stages.core.ingest.label_text import is_nothing

SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars", ",": "commas"}
Columns = dict[str, str | None]  # what is wanted: the column that holds it, None for nothing


def rows_of_table(path: Path, columns: Columns, shown: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (number, values) of each row, with "" for what is empty or not wanted; the first row after the header is 2.

    Raises UserError on a missing column or a damaged table, which is called `shown`.
    """
    read = parquet_rows if path.suffix.lower() in (".parquet", ".pq") else csv_rows
    lines = read(path, shown)
    _, header = next(lines, (0, []))
    check_separator(path, columns, header, shown)
    places = {wanted: place(column, header, shown) for wanted, column in columns.items()}
    for number, line in lines:
        yield number, {wanted: line[at] if at is not None else "" for wanted, at in places.items()}


def check_separator(path: Path, columns: Columns, header: list[str], shown: str) -> None:
    """Raise UserError for a CSV whose one column holds all that are wanted, parted by something else than it should."""
    wanted = {column for column in columns.values() if column is not None}
    for separator, name in SEPARATORS.items():
        parts = {part.strip().strip('"') for part in header[0].split(separator)} if len(header) == 1 else set()
        if len(parts) > 1 and not wanted & set(header):
            right = "tabs, as its name says" if is_tabbed(path) else "commas, or with tabs and the ending .tsv"
            raise UserError(f"{shown}: its values are parted by {name}; save it with {right}")


def is_tabbed(path: Path) -> bool:
    """Whether the name of a table says that tabs part its values."""
    return path.suffix.lower() in (".tsv", ".tab")


def place(column: str | None, header: list[str], shown: str) -> int | None:
    """Return the place of a column in the header. Raises UserError when it isn't there, or twice."""
    if column is None:
        return None
    if header.count(column) != 1:
        found = "stands twice" if column in header else "is not there"
        hint = did_you_mean(column, header) if column not in header else "rename one"
        more = f"; the columns are {listed(header, 20)}" if hint.startswith("did") else ""
        raise UserError(f"{shown}: column {column!r} {found}{more}; {hint}")
    return header.index(column)


def csv_rows(path: Path, shown: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, values) of a CSV, the header first; tabs part the values of a .tsv. Raises UserError."""
    tabs = is_tabbed(path)
    width = None
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = csv.reader(stream, strict=True, delimiter="\t" if tabs else ",")
            for line in lines:
                if not any(map(str.strip, line)):
                    continue  # spreadsheets save empty rows below the table
                width = width or len(line)
                if len(line) != width:
                    raise UserError(f"{shown}: line {lines.line_num} has {len(line)} values, and the header {width}")
                yield lines.line_num, [value.strip() for value in line]
    except UnicodeDecodeError as error:
        raise UserError(f"{shown} is not UTF-8 at byte {error.start + 1}; save it as UTF-8 text") from error
    except csv.Error as error:
        raise UserError(f"{shown}: line {lines.line_num} is no CSV ({error})") from error


def parquet_rows(path: Path, shown: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (row, values as text) of a parquet table, the names of the columns first. Raises UserError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{shown} is no parquet table ({error}); check the file") from error
    yield 1, table.schema_arrow.names
    number = 1
    for batch in table.iter_batches():
        texts = [as_text(column.to_pylist()) for column in batch.columns]
        for line in zip(*texts, strict=True):
            number += 1
            yield number, list(line)


def as_text(values: list[object]) -> list[str]:
    """Values as text; nothing for null and for a float that is no number."""
    return ["" if is_nothing(value) else str(value) for value in values]
