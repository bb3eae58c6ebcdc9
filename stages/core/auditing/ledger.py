"""The ledger, reports/ledger.jsonl: what was made and decided, appended to and never changed.

A line is on the disk before `append` returns. A line that a power loss has left half-written is taken out by the next
append. Every line also goes to a copy that git doesn't know: `git checkout` and `dvc exp apply` may put an older ledger
in the place of a newer one, and the next append (or `imagetrail sync`) brings the lines back.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from stages.core.auditing.chain import Chain, Line, made, read_chain
from stages.core.console import say
from stages.core.layout import Layout

LOCK_S = 60
Found = Callable[[list[Line]], Line | None]


def last_alike(kind: str, body: dict[str, Any]) -> Found:
    """Return what finds the last line of a kind, if it says just this."""

    def found(lines: list[Line]) -> Line | None:
        last = next((line for line in reversed(lines) if line.kind == kind), None)
        return last if last and last.body == body else None

    return found


def append(layout: Layout, kind: str, body: dict[str, Any], known: Found | None = None) -> Line:
    """Add a line and return it; the line that says the same already, where `known` (or `last_alike`) finds one.

    Raises OSError where it can't be written, filelock.Timeout where another process holds the ledger for a minute.
    """
    with locked(layout):
        chain = restored(layout)
        same = (known or last_alike(kind, body))(chain.lines)
        if same:
            return same
        line = made(kind, datetime.now(UTC).isoformat(timespec="milliseconds"), body, chain.lines)
        for path in (layout.ledger, layout.ledger_copy):
            write_end(path, [line])
        return line


def restore(layout: Layout) -> int:
    """Bring back lines that are only in the copy, and take out half a line; returns how many lines there are."""
    with locked(layout):
        return len(restored(layout).lines)


@contextmanager
def locked(layout: Layout) -> Iterator[None]:
    """Keep other processes from writing. Raises filelock.Timeout."""
    lock = layout.main_checkout / ".dvc/tmp/ledger.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock, timeout=LOCK_S):
        yield


def restored(layout: Layout) -> Chain:
    """Read the ledger after mending it and bringing back the lines that only the copy has, and the other way round."""
    chain, copy = mended(layout.ledger), mended(layout.ledger_copy)
    lost = [line for line in copy.lines if line.hash not in chain.hashes]
    if lost:
        write_end(layout.ledger, lost)
        say(f"ledger: {len(lost)} lines that had gone from {layout.ledger.name} are put back")
    if new := [line for line in chain.lines if line.hash not in copy.hashes]:
        write_end(layout.ledger_copy, new)
    return read_chain(layout.ledger) if lost else chain


def mended(path: Path) -> Chain:
    """Read a ledger; what is left of a last line that was never finished is cut off, and said."""
    chain = read_chain(path)
    if chain.torn:
        say(f"ledger: half a line at the end of {path.name} is taken out; it was never finished: {chain.torn[:60]!r}")
        with path.open("r+b") as stream:
            stream.truncate(path.stat().st_size - len(chain.torn))
            os.fsync(stream.fileno())
    return chain


def write_end(path: Path, lines: list[Line]) -> None:
    """Write lines at the end of a file in one call, and wait until the disk has them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b", buffering=0) as stream:
        end = stream.seek(0, os.SEEK_END)
        stream.seek(max(end - 1, 0))
        begin = b"\n" if end and stream.read(1) != b"\n" else b""
        stream.write(begin + b"".join(line.text.encode() + b"\n" for line in lines))
        os.fsync(stream.fileno())
    if not end:
        synced(path.parent)


def synced(folder: Path) -> None:
    """Wait until the disk knows a folder's new names."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
