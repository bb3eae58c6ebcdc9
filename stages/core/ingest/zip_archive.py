"""Images of a zip, read in place and with care."""

import zipfile
from collections.abc import Iterator
from functools import partial
from operator import attrgetter
from pathlib import Path

from stages.core.errors import UserError
from stages.core.ingest.admission import DAMAGE, Wanted, check_totals, damaged_archive, decoded_name, safe_name
from stages.core.ingest.image_filter import HEAD
from stages.core.ingest.source import LOCAL_HEADER, Member
from stages.core.settings.options import Download

FOLDER, FILE = 0o040000, 0o100000
FILE_TYPE = 0o170000
ENCRYPTED, UTF8 = 0x1, 0x800  # flags of a member
EXACT = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
PIECE = 4096  # bytes of bz2 or lzma that are unpacked at once, whatever they swell to


def zip_members(path: Path, limits: Download, wanted: Wanted, encoding: str | None) -> Iterator[Member]:
    """Yield the wanted members of a zip. Raises UserError on whatever could do harm."""
    try:
        archive = zipfile.ZipFile(path)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: the name of member {error.object!r} is not UTF-8; rename it") from error
    except DAMAGE as error:
        raise damaged_archive(path, error) from error
    infos = archive.infolist()
    for info in infos:
        check_member(path, info, limits)
    check_totals(path, len(infos), sum(info.file_size for info in infos), limits)
    check_overlaps(path, infos)
    for info in infos:
        name = safe_name(written_name(info, path, encoding), str(path))
        if not info.is_dir() and wanted(name, partial(beginning, archive, info)):
            yield Member(name, partial(read_zip_member, archive, info, path))


def written_name(info: zipfile.ZipInfo, path: Path, encoding: str | None) -> str:
    """Return the name as its bytes say in `encoding`, or in UTF-8, which some programs write without its flag.

    Raises UserError when they are not in it: nothing in a zip says in which code page they are.
    """
    name = info.orig_filename
    if info.flag_bits & UTF8 or name.isascii():
        return name
    return decoded_name(name.encode("cp437"), encoding, str(path))


def check_member(path: Path, info: zipfile.ZipInfo, limits: Download) -> None:
    """Raise UserError when a member is locked, no plain file, or too densely packed."""
    if info.flag_bits & ENCRYPTED:
        raise UserError(f"{path}: member {info.filename!r} is encrypted; pack the images without a password")
    if (info.external_attr >> 16) & FILE_TYPE not in (0, FILE, FOLDER):
        raise UserError(f"{path}: member {info.filename!r} is a link or a device; pack the files themselves")
    times = info.file_size / max(info.compress_size, 1)
    if times > limits.max_ratio:
        raise UserError(
            f"{path}: member {info.filename!r} unpacks to {times:.0f} times its size; "
            f"download.max_ratio is {limits.max_ratio:g}"
        )


def check_overlaps(path: Path, infos: list[zipfile.ZipInfo]) -> None:
    """Raise UserError when two members share bytes of the file, as in Fifield 2019, A better zip bomb."""
    ordered, end = sorted(infos, key=attrgetter("header_offset")), 0
    for info in ordered:
        if info.header_offset < end:
            raise UserError(
                f"{path}: member {info.filename!r} shares bytes with another one; such an archive is refused"
            )
        end = info.header_offset + LOCAL_HEADER + info.compress_size


def beginning(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """First bytes of a member; none of one that can't be read."""
    try:
        with archive.open(info) as stream:
            return stream.read(HEAD)
    except DAMAGE:
        return b""


def read_zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> bytes:
    """Read one member, never more than it says it holds. Raises UserError when it is damaged."""
    size = info.file_size + 1 if info.compress_type in EXACT else PIECE
    try:
        with archive.open(info) as stream:
            data = b"".join(iter(partial(stream.read, size), b""))
    except NotImplementedError as error:
        raise UserError(
            f"{path}: member {info.filename!r} can't be read ({error}); pack it anew with deflate"
        ) from error
    except DAMAGE as error:
        raise UserError(f"{path}: member {info.filename!r} is damaged ({error}); fetch the archive again") from error
    if len(data) != info.file_size:
        raise UserError(f"{path}: member {info.filename!r} is damaged (cut); fetch the archive again")
    return data
