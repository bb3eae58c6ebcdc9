"""Images of a tar, plain or compressed: read in place, or in one sweep into a nameless temporary file."""

import bz2
import gzip
import lzma
import os
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

from stages.core.errors import UserError
from stages.core.files import CHUNK
from stages.core.ingest.admission import DAMAGE, Wanted, check_totals, damaged_archive, decoded_name, safe_name
from stages.core.ingest.image_filter import HEAD
from stages.core.ingest.source import Member
from stages.core.settings.options import Download

END = tarfile.NUL * tarfile.BLOCKSIZE
HEADERS = (
    tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK,
)  # fmt: skip
Naming = Callable[[str], str]
LONGEST_HEADER = 1 << 16  # bytes of a header that tarfile holds in memory


def zstd(path: Path) -> Any:
    """Open a zstd stream; Python 3.11 has none of its own."""
    import pyarrow as pa

    return pa.input_stream(str(path), compression="zstd")


OPENERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open, b"\x28\xb5\x2f\xfd": zstd}


class CarefulInfo(tarfile.TarInfo):
    """A header that may not ask for much memory."""

    @classmethod
    def frombuf(cls, buf: Any, encoding: str, errors: str) -> "CarefulInfo":
        """Read a header. Raises ReadError when it announces a name or a comment of megabytes."""
        found = super().frombuf(buf, encoding, errors)
        if found.type in HEADERS and found.size > LONGEST_HEADER:
            raise tarfile.ReadError(f"a name or a comment of {found.size:,} bytes")
        return found


class Forward:
    """A stream that can only be read on, as far as a limit: what TarFile needs of an unpacking one."""

    def __init__(self, path: Path, stream: Any, limits: Download) -> None:
        self.path, self.stream, self.position, self.last = path, stream, 0, b""
        self.most = min(limits.max_ratio * path.stat().st_size, 2 * limits.max_bytes) + CHUNK  # room for headers

    def tell(self) -> int:
        """Bytes read so far."""
        return self.position

    def read(self, size: int) -> bytes:
        """Read exactly so many bytes, fewer at the end. Raises UserError beyond the limit."""
        pieces = []
        while size and (piece := bytes(self.stream.read(min(size, CHUNK)))):
            self.position, size = self.position + len(piece), size - len(piece)
            pieces.append(piece)
            if self.position > self.most:
                more = "download.max_ratio and download.max_bytes allow no more"
                raise UserError(f"{self.path} unpacks to over {self.most:,.0f} bytes; {more}")
        self.last = b"".join(pieces)
        return self.last

    def seek(self, position: int) -> None:
        """Go on to a place. Raises ReadError when it lies behind."""
        if position < self.position:
            raise tarfile.ReadError(f"byte {position:,} is asked for after byte {self.position:,}")
        while self.position < position and self.read(min(position - self.position, CHUNK)):
            pass


def opener_of(path: Path) -> Any:
    """How to open a file that begins as one of the compressions, or None."""
    with path.open("rb") as stream:
        beginning = stream.read(6)
    return next((opener for magic, opener in OPENERS.items() if beginning.startswith(magic)), None)


def tar_members(path: Path, limits: Download, wanted: Wanted, cache: Path, encoding: str | None) -> Iterator[Member]:
    """Yield the wanted members of a tar. Raises UserError on whatever could do harm."""
    opener = opener_of(path)
    try:
        with opener(path) if opener else path.open("rb") as stream:
            naming = partial(written_name, path, encoding)
            if opener:
                yield from spooled(Forward(path, stream, limits), limits, wanted, naming, cache)
            else:
                yield from in_place(path, stream, limits, wanted, naming)
    except DAMAGE as error:
        raise damaged_archive(path, error) from error


def in_place(path: Path, stream: IO[bytes], limits: Download, wanted: Wanted, naming: Naming) -> Iterator[Member]:
    """Yield members of a plain tar: each is a piece of the file."""
    with tarfile.open(fileobj=stream, mode="r:", tarinfo=CarefulInfo) as archive:
        for name, info in files(path, archive, limits, naming):
            if wanted(name, partial(piece, path, info.offset_data, min(info.size, HEAD))):
                yield Member(name, partial(piece, path, info.offset_data, info.size))
        stream.seek(archive.offset)
        check_end(stream.read(tarfile.BLOCKSIZE), archive.offset)


def spooled(forward: Forward, limits: Download, wanted: Wanted, naming: Naming, cache: Path) -> Iterator[Member]:
    """Yield members of a compressed tar, copied to one temporary file that has no name, as they stand in any order."""
    cache.mkdir(parents=True, exist_ok=True)
    spool = tempfile.TemporaryFile(dir=cache)  # noqa: SIM115 - lives as long as the members that read it
    with tarfile.open(fileobj=forward, mode="r:", tarinfo=CarefulInfo) as archive:  # type: ignore[call-overload]
        for name, info in files(forward.path, archive, limits, naming):
            start = spool.tell()
            if wanted(name, partial(first_copied, forward, info, spool)):
                copy(forward, info, spool)
                yield Member(name, partial(kept, spool, start, info.size))
        check_end(forward.last, archive.offset)
    while forward.read(CHUNK):  # its checksum stands at the very end
        pass
    spool.flush()


def written_name(path: Path, encoding: str | None, name: str) -> str:
    """Return a name that tarfile has read as UTF-8 in `encoding`, where it was not UTF-8. Raises UserError."""
    escaped = any("\udc80" <= letter <= "\udcff" for letter in name)
    return decoded_name(name.encode("utf-8", "surrogateescape"), encoding, str(path)) if escaped else name


def files(
    path: Path, archive: tarfile.TarFile, limits: Download, naming: Naming
) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """Yield (name, header) of the plain files of a tar. Raises UserError on any other member but a folder."""
    n_members = n_bytes = 0
    while info := archive.next():
        archive.members = []  # type: ignore[attr-defined] # it would keep every header
        name = safe_name(naming(info.name), str(path))
        if not (info.isdir() or info.type in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)) or info.issparse():
            raise UserError(f"{path}: member {info.name!r} is a link or a device or sparse; pack the files themselves")
        if info.size < 0:
            raise tarfile.ReadError(f"member {info.name!r} has {info.size} bytes")
        n_members, n_bytes = n_members + 1, n_bytes + info.size
        check_total_with(path, info, (n_members, n_bytes), limits)
        if info.isfile():
            yield name, info


def check_total_with(path: Path, info: tarfile.TarInfo, totals: tuple[int, int], limits: Download) -> None:
    """Raise UserError, naming the member with which an archive becomes too large."""
    try:
        check_totals(path, *totals, limits)
    except UserError as error:
        raise UserError(f"{error} (passed at member {info.name!r})") from error


def first_copied(forward: Forward, info: tarfile.TarInfo, spool: IO[bytes]) -> bytes:
    """First bytes of a member, copied to the spool; its copy goes on behind them."""
    forward.seek(info.offset_data)
    data = forward.read(min(info.size, HEAD))
    spool.write(data)
    return data


def copy(forward: Forward, info: tarfile.TarInfo, spool: IO[bytes]) -> None:
    """Append the bytes of a member to the spool. Raises ReadError when the tar ends before."""
    forward.seek(max(info.offset_data, forward.tell()))
    left = info.size - (forward.tell() - info.offset_data)
    while left:
        data = forward.read(min(left, CHUNK))
        if not data:
            raise tarfile.ReadError(f"member {info.name!r} is cut")
        spool.write(data)
        left -= len(data)


def piece(path: Path, start: int, size: int) -> bytes:
    """Read bytes of a plain tar. Raises UserError when it has become shorter since."""
    with path.open("rb") as stream:
        stream.seek(start)
        data = stream.read(size)
    if len(data) != size:
        raise damaged_archive(path, f"{len(data):,} of {size:,} bytes at byte {start:,}")
    return data


def kept(spool: IO[bytes], start: int, size: int) -> bytes:
    """Read bytes of the spool."""
    return os.pread(spool.fileno(), size, start)


def check_end(block: bytes, offset: int) -> None:
    """Raise ReadError unless a tar, read through, ended with its mark.

    TarFile takes a cut or damaged header for the end, and the images behind it would be missed.
    """
    if block != END:
        raise tarfile.ReadError(f"no end mark at byte {offset:,}")
