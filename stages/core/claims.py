"""One process at a time works in a folder of unfinished work; a killed one leaves it to the next."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from stages.core.console import say
from stages.core.errors import UserError
from stages.core.files import remove

WAIT_S = 8  # a stage whose parent died saves and ends within 5 s


@contextmanager
def claimed(place: Path, what: str) -> Iterator[Path]:
    """Yield a folder of unfinished work, made where there is none: removed on success, kept when the block fails.

    The lock ends with its process, however that ends. Raises UserError while another process works in the folder.
    """
    place.mkdir(parents=True, exist_ok=True)
    lock = FileLock(place.with_suffix(".lock"))
    try:
        lock.acquire(timeout=WAIT_S)
    except Timeout as error:
        raise UserError(f"another process runs {what}, in {place}; wait for it or end it") from error
    try:
        name_others(place)
        place.mkdir(parents=True, exist_ok=True)  # the one before may have removed it
        yield place
        remove(place)
    finally:
        if not place.exists():  # while the lock is still held: filelock notices that its file is gone
            place.with_suffix(".lock").unlink(missing_ok=True)
        lock.release()


def name_others(place: Path) -> None:
    """Say which folders of the same work are ignored: their key, the end of the name, is another."""
    work = place.name.rpartition("-")[0]
    for other in sorted(place.parent.glob(f"{work}-*/")):
        if other != place:
            say(f"ignoring {other.name}, of other params, data or code; `imagetrail doctor --repair` deletes it")


def in_use(place: Path) -> bool:
    """Whether a living process works in such a folder."""
    lock = FileLock(place.with_suffix(".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False
