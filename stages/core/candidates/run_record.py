"""What does not repeat about a run: seconds, host, commit; written where no stage reads it."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stages.core.candidates.candidate import Candidate
from stages.core.candidates.lineage import whereabouts
from stages.core.files import write_json
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
    """Write what does not repeat about a run, where no stage reads it."""
    key = candidate.record["key"]
    about = {"candidate": candidate.name, "key": key, **whereabouts(layout), "devices": devices, "timing": timing}
    about["finished"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    write_json(layout.run_record(key), about)
    write_json(layout.timing(candidate.name), {"candidate": candidate.name, "key": key, **timing})
