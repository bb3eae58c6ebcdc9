"""What does not repeat about a run: seconds, machine, commit; written where no stage reads it."""

import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stages.core.auditing.entries import enter_candidate
from stages.core.candidates.candidate import Candidate
from stages.core.candidates.git_state import git_state
from stages.core.candidates.machine import machine
from stages.core.files import read_json, write_json
from stages.core.layout import Layout


class Clock:
    """CPU and wall seconds of a training, and the CPU seconds at the end of each epoch.

    Imports are excluded, and what it costs to tell others.
    """

    def __init__(self) -> None:
        self.cpu, self.wall = cpu_seconds(), time.perf_counter()
        self.epochs: list[float] = []

    def tick(self) -> None:
        """Note the CPU seconds at the end of an epoch."""
        self.epochs.append(round(cpu_seconds() - self.cpu, 3))

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Leave out what happens in the block: a tracking store is told of an epoch."""
        cpu, wall = cpu_seconds(), time.perf_counter()
        yield
        self.cpu += cpu_seconds() - cpu
        self.wall += time.perf_counter() - wall

    def resume(self, seconds: dict[str, Any]) -> None:
        """Go on counting from what an earlier life of this training read."""
        self.cpu, self.wall = cpu_seconds() - seconds["train_cpu_s"], time.perf_counter() - seconds["train_wall_s"]
        self.epochs = list(seconds["epoch_cpu_s"])

    def read(self) -> dict[str, Any]:
        """Seconds so far, for the record of the run."""
        wall = round(time.perf_counter() - self.wall, 3)
        cpu = round(cpu_seconds() - self.cpu, 3)
        return {"train_cpu_s": cpu, "train_wall_s": wall, "epoch_cpu_s": self.epochs}


def cpu_seconds() -> float:
    """User and system seconds of this process."""
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])


def write_run_record(layout: Layout, candidate: Candidate, timing: dict[str, Any], devices: list[str]) -> None:
    """Enter the candidate in the ledger, and write what does not repeat about its run where no stage reads it.

    The same files made again are no new run: what was noted first stands, and MLflow has it already.
    """
    key, line = candidate.record["key"], enter_candidate(layout, candidate)
    path = layout.run_record(key)
    known = read_json(path) if path.exists() else {}
    if line and known.get("ledger_line") == line.hash:
        timing = known["timing"]
    else:
        kept = {name: known[name] for name in ("mlflow_run_id",) if name in known}
        write_json(
            path, kept | noted(layout, candidate, timing, devices) | {"ledger_line": line.hash if line else None}
        )
    write_json(layout.timing(candidate.name), {"candidate": candidate.name, "key": key, **timing})


def noted(layout: Layout, candidate: Candidate, timing: dict[str, Any], devices: list[str]) -> dict[str, Any]:
    """What does not repeat about a run that is just ending."""
    ended = time.time()
    return {
        **{"candidate": candidate.name, "key": candidate.record["key"], "experiment": os.environ.get("DVC_EXP_NAME")},
        **git_state(layout.root),
        **machine(),
        "runtime": candidate.record["params"]["runtime"],
        "devices": devices,
        "timing": timing,
        "started": utc(ended - since_start()),
        "finished": utc(ended),
    }


def since_start() -> float:
    """Seconds that this process has run for, by a clock that nobody sets."""
    try:
        ticks = int(Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError):  # not Linux
        return time.process_time()


def utc(seconds: float) -> str:
    """A time for people and for comparing."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
