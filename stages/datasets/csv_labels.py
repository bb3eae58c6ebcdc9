"""csv_labels: images in a folder or in archives, and what each is in CSV or parquet tables.

A row without a file, a file without a row and two labels of one image are noted, and the gate decides about them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from sys import intern
from typing import Any, Literal, NamedTuple

from pydantic import Field, model_validator

from stages.core.errors import UserError, did_you_mean
from stages.core.files import digest
from stages.core.ingest.admission import safe_name
from stages.core.ingest.archive import archive_members, archives, folder_members, problem
from stages.core.ingest.fetch import fetched, shown
from stages.core.ingest.folders import SPLIT_WORDS, split_of_name
from stages.core.ingest.image_filter import ImageFilter, is_image_name
from stages.core.ingest.label_text import are_floats_of_integers, as_integer, present
from stages.core.ingest.source import Member, Source
from stages.core.ingest.tables import rows_of_table
from stages.core.settings.options import Download, Encoding, Missing, Section, Sha256, Sha256s, Uri, Uris


class Table(Section):
    """One table of labels."""

    uri: Uri = Field(description="URL or path of a .csv, .tsv or .parquet")
    sha256: Sha256 | None = Field(description="what the table must hash to; null takes any")
    split: Literal["train", "val", "test"] | None = Field(description="split of its images; null leaves it open")
    below: str = Field(description="folder of its images, which its paths leave out; '' for none")


class Columns(Section):
    """Names of the columns."""

    path: str = Field(description="the column of file names", min_length=1)
    label: str = Field(description="the column of classes", min_length=1)
    split: str | None = Field(description="the column of train / val / test; null for none")
    group: str | None = Field(description="the column of what must not be parted, a patient say; null for none")


class Options(Section):
    """Where images and tables are and whose they are."""

    images: Uris = Field(description="a folder, or URL or path of a zip or tar, or a list of archives")
    sha256: Sha256s = Field(description="what the archive must hash to, or a list of as many; null takes any")
    tables: list[Table] = Field(description="the tables of labels", min_length=1)
    columns: Columns
    suffix: str | None = Field(
        description="ending of a file name that has none in the table, e.g. .png; null: whatever the file has"
    )
    missing: Missing
    encoding: Encoding = Field(
        description="of names in archives that are not UTF-8, e.g. cp932 (Japanese) or gbk (Chinese); null for none"
    )
    licence: str | None = Field(description="terms of use of the images")
    citation: str | None = Field(description="who made them")

    @model_validator(mode="after")
    def fits_together(self) -> "Options":
        """Raise ValueError when hashes and archives differ in number, or two archives have one name."""
        if wrong := problem(self.images, self.sha256):
            raise ValueError(wrong)
        return self


class Row(NamedTuple):
    """What one row says of an image; "" for nothing."""

    labels: str
    splits: str
    groups: str


NOTHING = (Row("", "", ""),)


def source(options: Options, limits: Download, cache: Path) -> Source:
    """The images, each with what the tables say of it. Raises UserError."""
    found = ImageFilter()
    origin, members = images(options, limits, cache, found)
    tables = [(table, fetched(table.uri, table.sha256, cache)) for table in options.tables]
    origin["tables"] = [{"uri": shown(table.uri), "sha256": digest(path)} for table, path in tables]
    said: dict[str, tuple[Row, ...]] = {}
    for table, path in tables:
        add_rows(said, table_rows(path, table, options))
    origin |= {"licence": options.licence, "citation": options.citation}
    return Source(origin, labelled(members, said), labels="table", left_out=found.counted)


def images(
    options: Options, limits: Download, cache: Path, found: ImageFilter
) -> tuple[dict[str, Any], Iterator[Member]]:
    """Return where the images are from, and the images without labels. Raises UserError."""
    if isinstance(options.images, str) and Path(options.images).expanduser().is_dir():
        folder = Path(options.images).expanduser()
        return {"uri": folder.name}, folder_members(folder, found)
    read = partial(archive_members, limits=limits, cache=cache, wanted=found, encoding=options.encoding)
    return archives(options.images, options.sha256, cache, read)


def table_rows(path: Path, table: Table, options: Options) -> Iterator[tuple[str, Row]]:
    """Yield (name of the image, what is said) of each row. Raises UserError on a name or a split that can't be one."""
    uri, columns = shown(table.uri), options.columns.model_dump()
    labels = (present(row["label"], options.missing) for _, row in rows_of_table(path, columns, uri))
    written = as_integer if are_floats_of_integers(labels) else str
    for number, row in rows_of_table(path, columns, uri):
        where = f"{uri}, row {number}"
        if not row["path"]:
            raise UserError(f"{where}: column {options.columns.path!r} is empty; write the name of the file there")
        label, split, group = (present(row[name], options.missing) for name in ("label", "split", "group"))
        name = image_name(row["path"], table, options, where)
        yield name, Row(intern(written(label)), split_of(split, where) or table.split or "", intern(group))


def image_name(written: str, table: Table, options: Options, where: str) -> str:
    """Return the name of the image that a row means. Raises UserError for one that is not below `images`."""
    ending = "" if is_image_name(f"x/{PurePosixPath(written).name}") else options.suffix or ""
    if PurePosixPath(written).is_absolute() or PureWindowsPath(written).is_absolute():
        return safe_name(below_images(written + ending, options, where), where)
    return safe_name(str(PurePosixPath(table.below, safe_name(written + ending, where))), where)


def below_images(written: str, options: Options, where: str) -> str:
    """Return an absolute path as one below the folder of images. Raises UserError where it does not lie there."""
    if isinstance(options.images, str):
        folder = Path(options.images).expanduser()
        for inside, path in ((folder.absolute(), Path(written)), (folder.resolve(), Path(written).resolve())):
            if folder.is_dir() and path.is_relative_to(inside):
                return path.relative_to(inside).as_posix()
    shown_images = options.images if isinstance(options.images, str) else ", ".join(options.images)
    raise UserError(
        f"{where}: {written!r} is an absolute path that does not lie in `images` ({shown(shown_images)}); write "
        f"column {options.columns.path!r} as paths below that"
    )


def add_rows(said: dict[str, tuple[Row, ...]], rows: Iterable[tuple[str, Row]]) -> None:
    """Add rows to what was said of each image; those that say the same share their place in memory."""
    alone: dict[Row, tuple[Row, ...]] = {}
    for name, row in rows:
        before = said.get(name, ())
        if row not in before:
            said[name] = (*before, row) if before else alone.setdefault(row, (row,))


def split_of(text: str, where: str) -> str | None:
    """Return train, val or test for one of their names, None for nothing. Raises UserError for another word."""
    split = split_of_name(text)
    if text and not split:
        raise UserError(f"{where}: {text!r} is no split; {did_you_mean(text.lower(), SPLIT_WORDS)}")
    return split


def labelled(members: Iterable[Member], said: dict[str, tuple[Row, ...]]) -> Iterator[Member]:
    """Yield every image with what is said of it, and then what is named and has no image.

    A row without an ending means the file that has one: `img7` is img7.jpg or img7.png.
    """
    left = dict(said)
    for member in members:
        named = member.name if member.name in left else str(PurePosixPath(member.name).with_suffix(""))
        yield told(member, left.pop(named, NOTHING))
    for name, rows in left.items():
        yield replace(told(Member(name, None), rows), note="no such file")


def told(member: Member, rows: tuple[Row, ...]) -> Member:
    """Return an image with its one label, split and group; where there are several, the note says which."""
    values = {kind: sorted({getattr(row, kind) for row in rows} - {""}) for kind in Row._fields}
    notes = [] if values["labels"] else ["no label"]
    notes += [contradiction(kind, found) for kind, found in values.items() if len(found) > 1]
    label, split, group = (found[0] if len(found) == 1 else None for found in values.values())
    return replace(member, label=label, split=split, group=group, note="; ".join(notes) or None)


def contradiction(kind: str, found: list[str]) -> str:
    """Say "two labels: cat, dog"."""
    return f"{'two' if len(found) == 2 else len(found)} {kind}: {', '.join(found)}"
