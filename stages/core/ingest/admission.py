"""What may come in from outside: names that stay inside, sizes within the limits."""

import lzma
import re
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

from stages.core.console import ADVICE
from stages.core.errors import UserError
from stages.core.ingest.source import Member
from stages.core.settings.options import Download

LONGEST_NAME = 4096  # bytes: PATH_MAX of Linux
DRIVE = re.compile(r"[A-Za-z]:")  # of Windows; any other colon is a letter of a name
OLD_ENCODINGS = ("cp932", "gbk", "euc_kr", "cp1252")  # of names in zips, by what is seen in the field
# what the standard library and Arrow raise on damaged bytes; NotImplementedError also on a rare compression
DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
    NotImplementedError,
)
Wanted = Callable[[str, Callable[[], bytes]], bool]  # of a name, and of what reads the first bytes


def decoded_name(data: bytes, encoding: str | None, source: str) -> str:
    """Return a name from its bytes: in that encoding, or in UTF-8 where none is given.

    Raises UserError when they are not in it, with what some other encodings would read.
    """
    try:
        return data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        read = [f"{name} reads {data.decode(name)!r}" for name in OLD_ENCODINGS if is_in(data, name)]
        raise UserError(
            f"{source}: the name of a member, bytes {data[:40]!r}, is not {encoding or 'UTF-8'} at byte "
            f"{error.start + 1}; {', '.join(read) or 'no other encoding that was tried reads it'}: set `encoding` in "
            "the entry of `datasets` to the one that is right, or pack it anew with names in UTF-8"
        ) from error


def is_in(data: bytes, encoding: str) -> bool:
    """Whether bytes are printable text in an encoding."""
    try:
        return data.decode(encoding).isprintable()
    except UnicodeDecodeError:
        return False


def safe_name(name: str, source: str) -> str:
    """Return the name in NFC with forward slashes.

    Raises UserError for a name that could leave its folder, or that is not UTF-8, or no name at all.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or DRIVE.match(name):
        raise UserError(f"{source}: member {name!r} points outside the archive; such an archive is refused")
    return readable_name(name, source)


def readable_name(name: str, source: str) -> str:
    """Return the name in NFC with forward slashes. Raises UserError for one that is not UTF-8, or no name at all."""
    if any("\ud800" <= letter <= "\udfff" for letter in name):
        raise UserError(f"{source}: the name of member {name!r} is not UTF-8; rename it")
    if "\0" in name or len(name.encode()) > LONGEST_NAME:
        shown = repr(name if len(name) < 80 else f"{name[:80]}…")
        raise UserError(
            f"{source}: the name of member {shown} holds a NUL or is over {LONGEST_NAME:,} bytes; rename it"
        )
    return unicodedata.normalize("NFC", str(PurePosixPath(name.replace("\\", "/"))))


def once(members: Iterable[Member], source: str) -> Iterator[Member]:
    """Pass members on. Raises UserError on two of one name, or of one after NFC normalisation."""
    seen = set()
    for member in members:
        if member.name in seen:
            raise UserError(f"{source}: member {member.name!r} stands twice in it; rename or remove one of the two")
        seen.add(member.name)
        yield member


def check_totals(path: Path, n_members: int, n_bytes: int, limits: Download) -> None:
    """Raise UserError when an archive holds more members or bytes, or is denser, than params.yaml allows."""
    if n_members > limits.max_images:
        raise UserError(f"{path} holds {n_members:,} members; download.max_images is {limits.max_images:,}")
    if n_bytes > limits.max_bytes:
        raise UserError(f"{path} unpacks to {n_bytes:,} bytes; download.max_bytes is {limits.max_bytes:,}")
    times = n_bytes / max(path.stat().st_size, 1)
    if times > limits.max_ratio:
        raise UserError(f"{path} unpacks to {times:.0f} times its size; download.max_ratio is {limits.max_ratio:g}")


def damaged_archive(path: Path, reason: object) -> Exception:
    """The error of an archive that can't be read to its end; a full disk and the like stay what they are."""
    if isinstance(reason, OSError) and reason.errno in ADVICE:
        return reason
    return UserError(f"{path} is damaged ({reason}); fetch the archive again")
