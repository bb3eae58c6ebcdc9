"""What a person sees: lines on stderr, one live line for what lasts, and errors as one sentence with exit code 1."""

import errno
import multiprocessing
import os
import sys
import tempfile
import threading
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
Look = Callable[[], tuple[int, str]]
SHOWN_AFTER_S = 2  # on a terminal; what is done sooner needs no line
LINE_EVERY_S = 10  # where stderr is no terminal
LIVE_LINES: list["Bar"] = []  # the bars that are open, the outermost first
DRAWING = threading.RLock()
DRAWN = threading.Event()  # whether a live line stands on the terminal
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
    with DRAWING:
        wipe()
        print(visible(cleaned(message)), file=sys.stderr, flush=True)


def show(answer: str) -> None:
    """Print a command's answer to stdout; names from data can't move the cursor."""
    with DRAWING:
        wipe()
        print(visible(cleaned(answer)))


def unexpected(*error: Any) -> None:
    """Say an error of ours with its traceback, in which an address may stand."""
    say("".join(traceback.format_exception(*error)).rstrip())


def progress(
    items: Iterable[T], total: int | None = None, desc: str = "", unit: str = "images", size: int = 1
) -> Iterator[T]:
    """Pass `items` on and show how many are done, and how long the rest will take; each counts as `size` units."""
    with Bar(total, desc, unit) as bar:
        for item in items:
            yield item
            bar.update(size)


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show what is under way and for how long, where it has no parts that could be counted."""
    with Bar(None, what, ""):
        yield


class Bar:
    """One live line for work that lasts: what, done/all, numbers, time left. It changes no result.

    On a terminal it is redrawn every second once SHOWN_AFTER_S have passed, and wiped at the end; elsewhere (a log, CI)
    a plain line is printed every LINE_EVERY_S. Work that is quicker prints nothing. Bars within bars share one line.
    """

    def __init__(self, total: int | None, desc: str, unit: str, look: Look | None = None) -> None:
        """look: how many are done, and the numbers to show; asked before each drawing, where others do the work."""
        self.total, self.desc, self.unit, self.look = total, desc, unit, look
        self.n = self.n_first = 0
        self.share, self.now, self.numbers, self.began = 0.0, "", "", time.monotonic()
        self.first = self.last = self.began  # when the first part was done, and the last
        self.over = threading.Event()

    def update(self, n: int = 1, /, **numbers: str) -> None:
        """Count `n` more, and show these numbers."""
        self.last = time.monotonic()
        self.first = self.last if self.n == 0 else self.first
        self.n_first = n if self.n == 0 else self.n_first
        self.n, self.share, self.now = self.n + n, 0.0, ""
        self.numbers = "".join(f", {name} {value}" for name, value in numbers.items()) or self.numbers

    def within(self, words: str, share: float = 0.0) -> None:
        """Say what is under way, and what share of this part is done."""
        self.now, self.share = f", {words}", share

    def text(self, now: float) -> str:
        """What, done/all, time left or so far, then the numbers, which a narrow terminal cuts off."""
        if self.look:
            done, self.numbers = self.look()
            if done > self.n:
                self.update(done - self.n)
        counted = f"{min(self.n, self.total):,}/{self.total:,}" if self.total else f"{self.n:,}"
        left = seconds_left(self, now)
        time_shown = f"{duration(now - self.began)} so far" if left is None else f"{duration(left)} left"
        return f"{self.desc}{f': {counted} {self.unit}' if self.unit else ''}, {time_shown}{self.now}{self.numbers}"

    def __enter__(self) -> "Bar":
        if multiprocessing.parent_process() is None:  # a worker's line would be written over that of its parent
            LIVE_LINES.append(self)
            if LIVE_LINES[0] is self:
                threading.Thread(target=redraw, args=(self.over,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        with DRAWING:
            if self in LIVE_LINES:
                LIVE_LINES.remove(self)
            wipe()


def seconds_left(bar: Bar, now: float) -> float | None:
    """How long the rest of a bar will take; None where nothing is known yet.

    The first part is left out as soon as there is a second one: it brings imports and compilation.
    """
    if not bar.total or bar.n + bar.share == 0:
        return None
    if bar.n == 0:
        return (now - bar.began) / bar.share * (bar.total - bar.share)
    after_first = bar.n - bar.n_first
    each = (bar.last - bar.first) / after_first if after_first else (bar.first - bar.began) / bar.n_first
    return max(0.0, each * (bar.total - bar.n) - (now - bar.last))


def duration(seconds: float) -> str:
    """Seconds for people: 4 s, 3 min 20 s, 2 h 5 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def redraw(over: threading.Event) -> None:
    """Draw the live line every second until the outermost bar is over; elsewhere than on a terminal, every 10 s."""
    redrawn = on_terminal()
    wait_s = SHOWN_AFTER_S if redrawn else LINE_EVERY_S
    while not over.wait(wait_s):
        with DRAWING:
            draw(redrawn)
        wait_s = 1 if redrawn else LINE_EVERY_S


def draw(redrawn: bool) -> None:
    """Write the bars that are open as one line."""
    now = time.monotonic()
    line = visible(cleaned(" | ".join(bar.text(now) for bar in LIVE_LINES)))
    if not line:
        return
    if not redrawn:
        print(line, file=sys.stderr, flush=True)
        return
    width = stderr_width(80) - 1
    shown = line if len(line) <= width else f"{line[: width - 1]}…"
    print(f"\r{shown}\x1b[K", end="", file=sys.stderr, flush=True)
    DRAWN.set()


def stderr_width(otherwise: int) -> int:
    """Columns of the terminal behind stderr: stdout may be redirected; `otherwise` where there is none."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or otherwise
    except (OSError, ValueError):
        return otherwise


def wipe() -> None:
    """Take the live line off the terminal, so that another line can be written there."""
    if DRAWN.is_set():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        DRAWN.clear()


def on_terminal() -> bool:
    """Whether stderr is a terminal that understands control codes."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


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
