"""What a person sees: lines on stderr, progress bars, and errors as one sentence with exit code 1."""

import errno
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from stages.core.errors import UserError
from stages.core.plain_text import visible
from stages.core.secrets import cleaned
from stages.core.stopping import Stopped, guarded

T = TypeVar("T")
LINE_EVERY_S = 30
NO_PERMISSION = "no permission to write or read it; change its mode or owner"
FILE_IN_THE_WAY = "a file stands where a folder is needed; move it away"
DISK_FULL = "the disk is full; make room on it"
ADVICE = {
    errno.EACCES: NO_PERMISSION,
    errno.EPERM: NO_PERMISSION,
    errno.EROFS: "its file system is read-only; mount it writable, or work in a folder elsewhere",
    errno.EEXIST: FILE_IN_THE_WAY,
    errno.ENOTDIR: FILE_IN_THE_WAY,
    errno.EISDIR: "a folder stands where a file is needed; move it away",
    errno.ENOSPC: DISK_FULL,
    errno.EDQUOT: DISK_FULL,
    errno.EFBIG: "the file would be larger than this system or `ulimit -f` allows",
}  # what a user can mend; any other OSError is ours and keeps its traceback


def say(message: str) -> None:
    """Print a line of progress to stderr, so that stdout stays a command's answer."""
    print(visible(cleaned(message)), file=sys.stderr, flush=True)


def show(answer: str) -> None:
    """Print a command's answer to stdout; names from data can't move the cursor."""
    print(visible(cleaned(answer)))


def unexpected(*error: Any) -> None:
    """Say an error of ours with its traceback, in which an address may stand."""
    say("".join(traceback.format_exception(*error)).rstrip())


def progress(items: Iterable[T], total: int | None = None, desc: str = "", unit: str = "img") -> Iterator[T]:
    """Pass `items` on behind a progress bar."""
    with Bar(total, desc, unit) as bar:
        for item in items:
            yield item
            bar.update()


class Bar:
    """A progress bar on a terminal; elsewhere (a log, CI) a line every 30 s, so that nothing looks stuck."""

    def __init__(self, total: int | None, desc: str, unit: str) -> None:
        from tqdm import tqdm

        self.watched, self.desc, self.total, self.n = sys.stderr.isatty(), desc, total, 0
        self.bar = tqdm(total=total, desc=desc, unit=unit, disable=not self.watched, leave=False)
        self.said = time.monotonic()

    def update(self, **numbers: str) -> None:
        """Count one more, and show these numbers."""
        self.n += 1
        if self.watched:
            self.bar.set_postfix(numbers, refresh=False) if numbers else None
            self.bar.update()
        elif time.monotonic() - self.said > LINE_EVERY_S:
            self.said = time.monotonic()
            shown = ", ".join(f"{name} {value}" for name, value in numbers.items())
            say(f"{self.desc}: {self.n:,} of {self.total or '?'} {shown}")

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()


@contextmanager
def held_back() -> Iterator[None]:
    """Hold back what native code writes to stderr; shown only if the block fails.

    TensorFlow's libraries print notices before any logging switch works, and those would hide our own lines.
    """
    sys.stderr.flush()
    real = os.dup(2)
    with tempfile.TemporaryFile() as store:
        os.dup2(store.fileno(), 2)
        try:
            yield
        except Exception:
            store.seek(0)
            os.write(real, store.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(real, 2)
            os.close(real)


def silence_telemetry() -> None:
    """Switch off what the tools send home, whichever way they are started, before they are imported.

    DVC has its own switch, in .dvc/config. Names read in each tool's source.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["DO_NOT_TRACK"] = "true"
    os.environ["DVC_NO_ANALYTICS"] = "true"
    os.environ["GX_ANALYTICS_ENABLED"] = "false"


def run(main: Callable[..., None], *args: str) -> int:
    """Call `main` and return its exit code; a user's own mistake becomes `error: …`, never a traceback."""
    silence_telemetry()
    sys.excepthook = unexpected
    try:
        with guarded():
            main(*args)
    except Stopped as stop:
        say(f"error: ended by {stop.name}; nothing half-written was kept, and the same command takes it up again")
        return 128 + stop.number
    except UserError as error:
        say(f"{error.heading}: {error}")
        return error.exit_code
    except ModuleNotFoundError as error:
        say(wrong_environment(error))
        return 1
    except BrokenPipeError:  # the reader of our output, a pager say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except OSError as error:
        if error.errno not in ADVICE:
            raise
        say(f"error: {error.filename2 or error.filename or 'a file'}: {ADVICE[error.errno]}")
        return 1
    return 0


def wrong_environment(error: ModuleNotFoundError) -> str:
    """Say which Python ran and how to get the one that holds the locked packages."""
    return (
        f"error: {sys.executable} (Python {sys.version.split()[0]}) has no module {error.name!r}: this is not the "
        "project's environment. Run `make setup`, then `. .venv/bin/activate`, then this command again."
    )
