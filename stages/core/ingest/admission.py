"""What may come in from outside: names that stay inside, sizes within the limits."""

import lzma
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


def safe_name(name: str, source: str) -> str:
    """Return the name in NFC with forward slashes.

    Raises UserError for a name that could leave its folder, or that is not UTF-8, or no name at all.
    """
    if any("\ud800" <= letter <= "\udfff" for letter in name):
        raise UserError(f"{source}: the name of member {name!r} is not UTF-8; rename it")
    if "\0" in name or len(name.encode()) > LONGEST_NAME:
        shown = repr(name if len(name) < 80 else f"{name[:80]}…")
        raise UserError(
            f"{source}: the name of member {shown} holds a NUL or is over {LONGEST_NAME:,} bytes; rename it"
        )
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or any(":" in part for part in path.parts[:1]):
        raise UserError(f"{source}: member {name!r} points outside the archive; such an archive is refused")
    return unicodedata.normalize("NFC", str(path))


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
