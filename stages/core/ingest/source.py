"""The source: one deterministic zip of all images, and a table of where each lies and what its origin says of it.

images.zip is stored, sorted and without times; index.parquet has a row a member: path, offset, n_bytes, crc32, label,
split, group, note. With it an image is one read at a known place: the list of a zip of a million members would take
half a gigabyte in every process.
"""

import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.console import progress
from stages.core.errors import UserError
from stages.core.files import STORED_DATE
from stages.core.ingest.folders import FolderRules, placements
from stages.core.ingest.label_text import clean_label

INDEX = "index.parquet"
LOCAL_HEADER = 30  # bytes before the name of a stored member
ROWS = 1 << 14  # of a table held at once
ZIP_BYTES = "images_zip_bytes"  # in the index's own metadata
LEFT_OUT = "left_out"  # there as well: see ImageFilter.counted
NOWHERE = -1  # offset of what the source names and has not got
SCHEMA = pa.schema(
    {
        "path": pa.string(), "offset": pa.int64(), "n_bytes": pa.int64(), "crc32": pa.int64(),
        "label": pa.string(), "split": pa.string(), "group": pa.string(), "note": pa.string(),
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Member:
    """A file on its way into the zip: its name there, how to get its bytes, and what a table says of it.

    `read` is None for what the table names and nobody has. `note` says what is wrong with it at its origin.
    """

    name: str
    read: Callable[[], bytes] | None
    label: str | None = None
    split: str | None = None
    group: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class Source:
    """What a kind of data set gives: where it is from (for source.json), its members, and who names the classes.

    rules: what params.yaml says of the folders, where these name the classes.
    """

    origin: dict[str, Any]
    members: Iterable[Member]
    labels: Literal["folders", "table"] = "folders"
    left_out: Callable[[], dict[str, Any]] = dict  # what was no image, once the members are read
    rules: FolderRules = field(default_factory=FolderRules)


def write_source(archive: Path, source: Source, desc: str = "pack") -> int:
    """Write images.zip at `archive` and index.parquet beside it; returns how many images they hold.

    The same members give the same bytes in whatever order they come. Stored: images are compressed already, and
    DVC hashes one file. Raises UserError on two members of one name, or folders
    that leave class or split of an image open.
    """
    ordered = sorted(source.members, key=lambda member: member.name)
    ordered = told_by_folders(ordered, source.rules) if source.labels == "folders" else told_by_table(ordered)
    with pq.ParquetWriter(index_of(archive), SCHEMA, compression="zstd") as writer:
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as store:
            rows = (row(store, member) for member in progress(distinct(ordered), len(ordered), desc))
            for batch in batched(rows, ROWS):
                writer.write_batch(pa.RecordBatch.from_pylist(batch, SCHEMA))
        left_out = {LEFT_OUT: json.dumps(counted, sort_keys=True)} if (counted := source.left_out()) else {}
        writer.add_key_value_metadata({ZIP_BYTES: str(archive.stat().st_size), **left_out})
    return sum(member.read is not None for member in ordered)


def row(store: zipfile.ZipFile, member: Member) -> dict[str, Any]:
    """Write one member into the zip and return its row of the index."""
    place: dict[str, Any] = {"path": member.name, "offset": NOWHERE, "n_bytes": 0, "crc32": 0}
    if member.read:
        info, data = zipfile.ZipInfo(member.name, STORED_DATE), member.read()
        store.writestr(info, data)
        start = info.header_offset + LOCAL_HEADER + len(member.name.encode()) + len(info.extra)
        place |= {"offset": start, "n_bytes": len(data), "crc32": info.CRC}
    return {**place, "label": member.label, "split": member.split, "group": member.group, "note": member.note}


def distinct(ordered: list[Member]) -> Iterator[Member]:
    """Pass sorted members on. Raises UserError on two of one name."""
    last = None
    for member in ordered:
        if member.name == last:
            raise UserError(f"{member.name} stands twice in the source; rename one of the two")
        last = member.name
        yield member


def batched(rows: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Lists of up to `size` items."""
    batch = []
    for item in rows:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def told_by_folders(members: list[Member], rules: FolderRules) -> list[Member]:
    """Return the members with the class and split of their folders; see `placements`. Raises UserError."""
    found = placements(dict.fromkeys(folder_of(member) for member in members), rules)
    said = [(member, found[folder_of(member)]) for member in members]
    return [replace(member, label=place[0], split=place[1]) for member, place in said if place]


def told_by_table(members: list[Member]) -> list[Member]:
    """Return the members with labels that are cleaned; one of which nothing is left is noted."""
    cleaned = [(member, clean_label(member.label or "") or None) for member in members]
    return [
        member
        if member.label == label
        else replace(member, label=label, note=member.note if label else member.note or "no label")
        for member, label in cleaned
    ]


def folder_of(member: Member) -> str:
    """Return the path of the folder that a member lies in, "" for the outermost."""
    return member.name.rpartition("/")[0]


def index_of(archive: Path) -> Path:
    """Where the index of a zip lies. Raises UserError when the zip is there without it."""
    return archive.with_name(INDEX)


def opened_index(archive: Path) -> pq.ParquetFile:
    """Open the index of a zip. Raises UserError when one of the two is missing or damaged."""
    for path in (archive, index_of(archive)):
        if not path.exists():
            raise UserError(f"{path} is missing; run `dvc repro download`")
    try:
        index = pq.ParquetFile(index_of(archive))
    except pa.ArrowInvalid as error:
        raise damaged(index_of(archive), error) from error
    size, written = archive.stat().st_size, int((index.metadata.metadata or {}).get(ZIP_BYTES.encode(), -1))
    if size != written:  # its own list of members is not read, so a cut one would go unnoticed
        raise damaged(archive, f"{size:,} bytes, and {written:,} were written")
    return index


def left_out_of(archive: Path) -> dict[str, Any]:
    """What the origin holds beside its images: files by ending, folders without an image; {} for nothing."""
    kept = (pq.read_metadata(index_of(archive)).metadata or {}).get(LEFT_OUT.encode())
    return dict(json.loads(kept or "{}"))


def damaged(path: Path, reason: object) -> UserError:
    """The error of a file that is not what download wrote."""
    return UserError(f"{path} is damaged ({reason}); `dvc repro -f download` makes it anew")


def read_at(archive: Path, offset: int, n_bytes: int, crc32: int) -> bytes:
    """Bytes of one member by its place in the index. Raises UserError when they are not what was written."""
    data = os.pread(descriptor(archive, archive.stat().st_ino), n_bytes, offset)
    if zlib.crc32(data) != crc32:
        raise damaged(archive, f"wrong bytes at {offset:,}")
    return data


@lru_cache(maxsize=1)
def descriptor(archive: Path, inode: int) -> int:
    """Open a zip once a process."""
    return os.open(archive, os.O_RDONLY)


def images_named(archive: Path, paths: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yield (path, bytes) of these members in the order of the index; those that nobody has are left out."""
    wanted = pa.array(dict.fromkeys(paths), pa.string())
    found = pq.read_table(index_of(archive), columns=list(SCHEMA.names[:4]), filters=[("path", "in", wanted)])
    for place in found.to_pylist():
        if place["offset"] != NOWHERE:
            yield place["path"], read_at(archive, place["offset"], place["n_bytes"], place["crc32"])
