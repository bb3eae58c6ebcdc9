"""Waiting for a store, but not for ever: a call that gets no answer is given up, whatever it hangs on."""

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
SLICE_S = 0.1  # between two looks at a call under way
WORK_S = 0.05  # CPU seconds that show a call at work: SQLite waiting for a lock needs 0.005 in 5 s
WORK_BYTES = 50_000  # likewise of files read or written, where that is the call's work
UPLOADS = ("log_artifact", "log_model_artifact")


class NoAnswer(TimeoutError):
    """A call that did nothing for as long as it may."""


class Bounded:
    """MLflow's client, each call of which ends: with an answer, an error, or NoAnswer."""

    def __init__(self, client: Any, limit_s: float, allowed: Callable[[], None]) -> None:
        self._client, self._limit_s, self._allowed = client, limit_s, allowed

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self._allowed()
            ready = partial(getattr(self._client, name), *args, **kwargs)
            return within(self._limit_s, ready, counts_bytes=name in UPLOADS)

        return call


def within(limit_s: float, call: Callable[[], T], counts_bytes: bool = False) -> T:
    """Return what `call` returns. Raises what it raises, and NoAnswer once it has done nothing for `limit_s`.

    It runs in a thread of its own, since neither a socket nor SQLite nor a network disk ends on request. A thread
    that is given up is a daemon: it can't keep the process from exiting. One that computes, or whose bytes move
    (`counts_bytes`), is slow but not hung: a store on a busy machine, a large model over a thin line.
    """
    worker = Worker(call)
    last, done = time.monotonic(), 0.0
    while not worker.ended.wait(min(SLICE_S, limit_s)):
        work = worker.cpu_s() / WORK_S + (moved() / WORK_BYTES if counts_bytes else 0)
        if work - done >= 1:
            last, done = time.monotonic(), work
        elif time.monotonic() - last >= limit_s:
            raise NoAnswer(f"no answer within {limit_s:g} s")
    return worker.result()


def at_most(limit_s: float, call: Callable[[], Any]) -> bool:
    """Whether `call` succeeded within that time, however hard it works; never raises."""
    worker = Worker(call)
    return worker.ended.wait(limit_s) and worker.error is None


class Worker:
    """A call in a thread of its own."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.call = call
        self.value: Any = None
        self.error: BaseException | None = None
        self.ended, self.clock = threading.Event(), -1
        threading.Thread(target=self.run, name="mlflow", daemon=True).start()

    def run(self) -> None:
        """Make the call and keep its answer or error."""
        try:
            self.clock = time.pthread_getcpuclockid(threading.get_ident())
            self.value = self.call()
        except BaseException as error:  # is raised where the answer is awaited
            self.error = error
        finally:
            self.ended.set()

    def cpu_s(self) -> float:
        """CPU seconds of the thread so far; 0 before it starts and after it ends."""
        try:
            return time.clock_gettime(self.clock) if self.clock != -1 else 0.0
        except OSError:
            return 0.0

    def result(self) -> Any:
        """The answer. Raises the error."""
        if self.error is not None:
            raise self.error
        return self.value


def moved() -> int:
    """Bytes that this process has read from files and written to them; 0 where the system does not say."""
    try:
        lines = Path("/proc/self/io").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(("rchar", "wchar")))
