"""huggingface: a data set of the Hugging Face hub, or a folder of parquet files; needs the extra `huggingface`.

Encoded images keep the bytes they have there; arrays of pixels become PNG.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import numpy as np
from pydantic import Field

from stages.core.errors import UserError, did_you_mean
from stages.core.ingest.encoding import png
from stages.core.ingest.label_text import are_floats_of_integers, as_integer, is_nothing, present
from stages.core.ingest.source import Member, Source
from stages.core.settings.options import Download, Missing, Section

MAGIC = {
    b"\x89PNG": ".png",
    b"\xff\xd8\xff": ".jpg",
    b"GIF8": ".gif",
    b"BM": ".bmp",
    b"II*\0": ".tif",
    b"MM\0*": ".tif",
}


class Options(Section):
    """Which data set, and what its columns are."""

    name: str = Field(description="owner/name on the hub, or a folder of parquet files", min_length=1)
    config: str | None = Field(description="its configuration, where it has several; else null")
    revision: str | None = Field(description="a commit or tag of it; null takes the newest")
    image: str = Field(description="the column of images", min_length=1)
    label: str = Field(description="the column of classes", min_length=1)
    splits: dict[str, Literal["train", "val", "test"] | None] = Field(
        description="its splits to ours, e.g. {train: train, validation: val}; null leaves it open", min_length=1
    )
    missing: Missing
    licence: str | None = Field(description="terms of use of the images")
    citation: str | None = Field(description="who made them")


def source(options: Options, limits: Download, cache: Path) -> Source:
    """The images, `<split>/<class>/<number>.<ending>`. Raises UserError."""
    local = Path(options.name).expanduser()
    uri = local.name if local.is_dir() else f"https://huggingface.co/datasets/{options.name}"
    origin = {"uri": uri, "revision": options.revision, "licence": options.licence, "citation": options.citation}
    tables = loaded(options, cache)
    members = (
        member
        for theirs, ours in options.splits.items()
        for member in table_members(part(tables, theirs, options), (theirs, ours), options)
    )
    return Source(origin, members, labels="table")


def loaded(options: Options, cache: Path) -> Any:
    """Load all splits. Raises UserError without `datasets`, network, permission or data set."""
    try:
        import datasets
    except ImportError as error:
        raise UserError(
            "huggingface needs datasets, which is not installed; run `pip install -e '.[huggingface]'`"
        ) from error
    where = {"revision": options.revision, "cache_dir": str(cache / "huggingface")}
    try:
        return datasets.load_dataset(options.name, options.config, **where)
    except Exception as error:  # its libraries have no error in common
        why = type(error).__name__
        if isinstance(error, ValueError | FileNotFoundError):  # those that say what there is
            why += f": {str(error).partition(chr(10))[0]}"
        raise UserError(
            f"{options.name} could not be fetched from Hugging Face ({why}); check name, config, revision and network, "
            "and set HF_TOKEN for what needs a permission"
        ) from error


def part(tables: Any, split: str, options: Options) -> Any:
    """One split, its images left as they are encoded. Raises UserError for a split or column that isn't there."""
    if split not in tables:
        raise UserError(f"{options.name} has no split {split!r}; {did_you_mean(split, tables)}")
    table = tables[split]
    for column in (options.image, options.label):
        if column not in table.features:
            raise UserError(f"{options.name} has no column {column!r}; {did_you_mean(column, table.features)}")
    feature = table.features[options.image]
    table = table.select_columns([options.image, options.label])  # reading a row reads no other
    return table.cast_column(options.image, type(feature)(decode=False)) if hasattr(feature, "decode") else table


def table_members(table: Any, splits: tuple[str, str | None], options: Options) -> Iterator[Member]:
    """Yield the rows of a table of the shape of datasets.Dataset; `splits` are its name there and ours."""
    names = getattr(table.features[options.label], "names", None)
    labels = [class_name(value, names, options.missing) or "" for value in table[options.label]]
    floats = not names and are_floats_of_integers(labels)
    for index, label in enumerate(map(as_integer, labels) if floats else labels):
        ending = suffix(table[index][options.image])
        folder = (label or "no label").replace("/", "_")
        path = f"{splits[0]}/{folder}/{index:06d}{ending}"
        note = None if label else "no label"
        yield Member(path, partial(image_bytes, table, index, options.image), label or None, splits[1], None, note)


def class_name(value: Any, names: list[str] | None, missing: list[str]) -> str | None:
    """Return the name of a class, None for no label: null, NaN, a word for nothing, or -1 as ClassLabel has it.

    A name that the data set itself gives a number is a class, whatever it is.
    """
    if is_nothing(value) or (names is not None and value < 0):
        return None
    return names[value] if names is not None else present(str(value), missing) or None


def suffix(image: Any) -> str:
    """Ending of a file name for an image: its own, or that of its first bytes, or .png for pixels."""
    if not isinstance(image, dict):
        return ".png"
    own = PurePosixPath(image.get("path") or "").suffix.lower()
    beginning = image.get("bytes") or b""
    webp = beginning[:4] == b"RIFF" and beginning[8:12] == b"WEBP"
    known = next((ending for magic, ending in MAGIC.items() if beginning.startswith(magic)), "")
    return own or (".webp" if webp else known) or ".img"


def image_bytes(table: Any, index: int, column: str) -> bytes:
    """Bytes of an image as they are in the table, or in the file it names; pixels become PNG."""
    image = table[index][column]
    if not isinstance(image, dict):
        return png(np.asarray(image, np.uint8))
    data: bytes | None = image.get("bytes")
    return Path(image["path"]).read_bytes() if data is None else data
