"""One deterministic zip from whatever the images came in; archives from outside are read with care."""

import lzma
import os
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from stages.core.console import progress
from stages.core.errors import UserError
from stages.core.files import CHUNK
from stages.core.options import Download

IMAGE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"}
STORED_DATE = (1980, 1, 1, 0, 0, 0)
LINK, FILE_TYPE = 0o120000, 0o170000
# what the standard library raises on damaged bytes; NotImplementedError also on a rare compression
DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
)


@dataclass(frozen=True)
class Member:
    """A file on its way into the zip: its name there and how to get its bytes."""

    name: str
    read: Callable[[], bytes]


def write_zip(path: Path, members: Iterable[Member], desc: str = "pack") -> int:
    """Write members sorted by name, stored and without times; returns how many.

    The same members give the same bytes. Stored: images are compressed already, and DVC hashes one file.
    Raises UserError on two members of one name.
    """
    ordered = sorted(members, key=lambda member: member.name)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        last = ""
        for member in progress(ordered, len(ordered), desc):
            if member.name == last:
                raise UserError(f"{member.name} stands twice in the source; rename one of the two")
            last = member.name
            archive.writestr(zipfile.ZipInfo(member.name, STORED_DATE), member.read())
    return len(ordered)


def is_image_name(name: str) -> bool:
    """Whether a file counts as an image by its ending; hidden files and macOS's shadow files don't."""
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return path.suffix.lower() in IMAGE_SUFFIXES and not hidden


def safe_name(name: str, source: str) -> str:
    """Return the name in NFC with forward slashes.

    Raises UserError for a name that could leave its folder, or that is not UTF-8.
    """
    if not name.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in name):
        raise UserError(f"{source}: the name of member {name!r} is not UTF-8; rename it")
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or any(":" in part for part in path.parts[:1]):
        raise UserError(f"{source}: member {name!r} points outside the archive; such an archive is refused")
    return unicodedata.normalize("NFC", str(path))


def folder_members(folder: Path) -> Iterator[Member]:
    """Yield the images below a folder. Raises UserError when the folder is missing."""
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder; give the path of a folder with one folder of images a class")
    for parent, folders, files in os.walk(folder):
        folders.sort()
        for file in files:
            path = Path(parent, file)
            name = path.relative_to(folder).as_posix()
            if is_image_name(name) and path.is_file():
                yield Member(safe_name(name, str(folder)), path.read_bytes)


def archive_members(path: Path, limits: Download) -> Iterator[Member]:
    """Yield the images in a zip or tar (also compressed), never unpacking to disk.

    Raises UserError on something that is no archive, and on members that could do harm: names outside,
    links, devices, encryption, too many, too large, or too densely packed.
    """
    if zipfile.is_zipfile(path):
        yield from zip_members(path, limits)
    elif is_tar(path):
        yield from tar_members(path, limits)
    else:
        raise UserError(f"{path} is neither a zip nor a tar archive ({path.stat().st_size:,} bytes); check the file")


def is_tar(path: Path) -> bool:
    """Whether a file begins as a tar. Raises UserError for a compressed one that is damaged at its beginning."""
    try:
        return tarfile.is_tarfile(path)
    except DAMAGE as error:
        raise UserError(f"{path} is damaged ({error}); fetch the archive again") from error


def zip_members(path: Path, limits: Download) -> Iterator[Member]:
    """Yield the images of a zip; see `archive_members`."""
    try:
        archive = zipfile.ZipFile(path)
    except DAMAGE as error:
        raise UserError(f"{path} is damaged ({error}); fetch the archive again") from error
    files = [info for info in archive.infolist() if not info.is_dir()]
    check_size(path, [info.file_size for info in files], limits)
    for info in files:
        if info.flag_bits & 1:
            raise UserError(f"{path}: member {info.filename!r} is encrypted; pack the images without a password")
        if (info.external_attr >> 16) & FILE_TYPE == LINK:
            raise UserError(f"{path}: member {info.filename!r} is a link; pack the files themselves")
        if info.file_size > limits.max_ratio * max(info.compress_size, 1):
            raise UserError(
                f"{path}: member {info.filename!r} unpacks to {info.file_size / max(info.compress_size, 1):.0f} times "
                f"its size; download.max_ratio is {limits.max_ratio:g}"
            )
        name = safe_name(info.filename, str(path))
        if is_image_name(name):
            yield Member(name, lambda info=info: read_zip_member(archive, info, path))  # type: ignore[misc]


def read_zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> bytes:
    """Read one member. Raises UserError when it is damaged."""
    try:
        return archive.read(info)
    except DAMAGE as error:
        raise UserError(f"{path}: member {info.filename!r} is damaged ({error}); fetch the archive again") from error


def tar_members(path: Path, limits: Download) -> Iterator[Member]:
    """Yield the images of a tar, compressed or not; see `archive_members`.

    A compressed tar can't be read at random, so its images are held in memory until they are written.
    """
    try:
        with tarfile.open(path) as archive:
            n_files = n_bytes = 0
            for info in archive:
                if info.issym() or info.islnk() or info.isdev():
                    raise UserError(f"{path}: member {info.name!r} is a link or a device; pack the files themselves")
                name = safe_name(info.name, str(path))
                n_files, n_bytes = n_files + info.isfile(), n_bytes + info.size
                check_totals(path, n_files, n_bytes, limits)
                if info.isfile() and is_image_name(name):
                    data = archive.extractfile(info).read()  # type: ignore[union-attr]
                    yield Member(name, lambda data=data: data)  # type: ignore[misc]
            check_end(archive)
    except DAMAGE as error:
        raise UserError(f"{path} is damaged ({error}); fetch the archive again") from error


def check_end(archive: tarfile.TarFile) -> None:
    """Raise ReadError unless a tar, read through, ends with its mark; a wrong checksum raises its own error.

    TarFile takes a cut or damaged header for the end, and the images behind it would be missed. It stops at
    the mark, but the checksum of a compressed tar stands behind it and is compared only at the very end.
    """
    stream: Any = archive.fileobj
    stream.seek(archive.offset)
    if stream.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
        raise tarfile.ReadError(f"no end mark at byte {archive.offset:,}")
    while stream.read(CHUNK):
        pass


def check_size(path: Path, sizes: list[int], limits: Download) -> None:
    """Raise UserError when an archive of files of these sizes is too large; see `check_totals`."""
    check_totals(path, len(sizes), sum(sizes), limits)


def check_totals(path: Path, n_files: int, n_bytes: int, limits: Download) -> None:
    """Raise UserError when an archive holds more files or bytes, or is denser, than params.yaml allows."""
    if n_files > limits.max_images:
        raise UserError(f"{path} holds {n_files:,} files; download.max_images is {limits.max_images:,}")
    if n_bytes > limits.max_bytes:
        raise UserError(f"{path} unpacks to {n_bytes:,} bytes; download.max_bytes is {limits.max_bytes:,}")
    times = n_bytes / max(path.stat().st_size, 1)
    if times > limits.max_ratio:
        raise UserError(f"{path} unpacks to {times:.0f} times its size; download.max_ratio is {limits.max_ratio:g}")
