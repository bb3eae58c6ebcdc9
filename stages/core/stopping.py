"""How a stage ends when it is told to: SIGTERM, Ctrl-C, or the death of the process that started it.

Outside of a training the signal becomes an exception at once, so that half-written files are cleaned up. A training
asks for it between two steps, saves, and ends. Whatever hangs is ended after STOP_S all the same.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

STOP_S = 3.6  # seconds until a process that does not end by itself is ended; last words may take one more
POLL_S = 0.5  # how often a process looks whether its parent lives
SIGNALS = (signal.SIGTERM, signal.SIGINT)
SHELLS = ("sh", "dash", "bash", "zsh", "ksh")
LAST_WORDS: list[Callable[[], None]] = []  # of the work under way: signals belong to the whole process, and so do they


class Stopped(BaseException):
    """A signal asked this process to end. No Exception: nothing that tolerates failures may swallow it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def name(self) -> str:
        """SIGTERM or SIGINT."""
        return signal.Signals(self.number).name


class Stop:
    """Whether a signal has come, for those who ask between two steps."""

    def __init__(self) -> None:
        self.number: int | None = None

    @property
    def asked(self) -> bool:
        """Whether it is time to save and end."""
        return self.number is not None

    def hear(self, number: int, _: Any) -> None:
        """Note a signal."""
        self.number = number

    def raise_if_asked(self) -> None:
        """Raise Stopped when a signal has come."""
        if self.number is not None:
            raise Stopped(self.number)


@contextmanager
def guarded() -> Iterator[None]:
    """Raise Stopped in the block when a signal comes, and end the process by force when it then does not end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    read, write = os.pipe()
    os.set_blocking(write, False)
    before = {number: signal.signal(number, raise_stopped) for number in SIGNALS}
    woken = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    over = threading.Event()
    threading.Thread(target=enforce, args=(read, over), daemon=True).start()
    try:
        yield
        over.set()
    except BaseException as error:
        if not isinstance(error, Stopped):  # else the end of the interpreter may hang too
            over.set()
        raise
    finally:
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(write)


@contextmanager
def ending_with_parent(worker_of: int | None = None) -> Iterator[None]:
    """Send this process SIGTERM when who started it dies in the block: nobody would take its results.

    worker_of: the process of ours that started it; left out: a terminal or DVC did, and nohup outlives a terminal.
    """
    over, started_by = threading.Event(), [worker_of] if worker_of else parents()
    threading.Thread(target=watch_parents, args=(started_by, over), daemon=True).start()
    try:
        yield
    finally:
        over.set()


def raise_stopped(number: int, _: Any) -> None:
    """Raise Stopped, once: what cleans up after it is not to be stopped by a second signal."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Stopped(number)


@contextmanager
def deferred() -> Iterator[Stop]:
    """Yield a Stop that hears of signals instead of their being raised; raised at the end if nobody asked."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop.hear) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    stop.raise_if_asked()


@contextmanager
def last_words(say: Callable[[], None]) -> Iterator[None]:
    """Call `say` before the process is ended by force within the block."""
    LAST_WORDS.append(say)
    try:
        yield
    finally:
        LAST_WORDS.remove(say)


def enforce(wakeup: int, over: threading.Event) -> None:
    """Wait for a signal, give the process STOP_S to end by itself, then say its last words and end it."""
    heard = set(os.read(wakeup, 1))
    while heard and not heard & set(SIGNALS):  # other signals have handlers of their own
        heard = set(os.read(wakeup, 1))
    if not heard or over.wait(STOP_S):
        return
    number = heard.pop()
    told = f"error: ended by {signal.Signals(number).name}, by force: it did not end by itself within {STOP_S} s\n"
    os.write(2, told.encode())  # no print: the main thread may hold the stream
    speaker = threading.Thread(target=lambda: [say() for say in reversed(LAST_WORDS)], daemon=True)
    speaker.start()
    speaker.join(1)
    os._exit(128 + number)


def watch_parents(started_by: list[int], over: threading.Event) -> None:
    """Send SIGTERM to this process, once, when one of those who started it is gone."""
    while not over.wait(POLL_S):
        if orphaned(started_by):
            os.kill(os.getpid(), signal.SIGTERM)
            return


def parents() -> list[int]:
    """Who started this process, nearest first: a shell that DVC put between is no end of the chain.

    Nobody for a process that was told to outlive its terminal (nohup) and does not run within DVC.
    """
    in_dvc, nearest = "DVC_STAGE" in os.environ, os.getppid()
    if not in_dvc and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        return []
    if in_dvc and nearest == 1:  # DVC died before this line
        return [-1]
    return [nearest, parent_of(nearest)] if in_dvc and name_of(nearest) in SHELLS else [nearest]


def orphaned(started_by: list[int]) -> bool:
    """Whether one of those who started this process is gone."""
    now = os.getpid()
    for expected in started_by:
        now = parent_of(now)
        if now != expected:
            return True
    return False


def parent_of(pid: int) -> int:
    """Id of a process's parent; 0 where there is none."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return os.getppid() if pid == os.getpid() else 0


def name_of(pid: int) -> str:
    """Name of a process's program."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
