"""The closing box of a run: the champion and why, time by stage, the report page, and what to do next."""

import os
import resource
import textwrap
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core.candidates.run_record import since_start
from stages.core.console import duration, stderr_width
from stages.core.files import read_json, write_json
from stages.core.layout import Layout
from stages.core.settings.params import Params
from stages.core.stopping import parent_of

WIDEST, HEAD = 110, 10  # columns of the box, and of the heads in it
NEXT = 'git add -A && git commit -m "Train models", then `imagetrail promote` (`make ui` opens MLflow)'


@dataclass(frozen=True)
class StageTime:
    """How long a stage took when it last ran on this machine, and when that ended, in seconds since 1970."""

    name: str
    wall_s: float
    cpu_s: float
    finished: float


def path_of(layout: Layout, name: str) -> Path:
    """Where the time of a stage, e.g. `train plain`, is noted: no DVC out."""
    return layout.timing(f"stages/{name.replace(' ', '@')}")


def note_stage(layout: Layout, name: str) -> None:
    """Note how long the stage took that is just ending in this process, imports and workers included."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu_s = sum(each.ru_utime + each.ru_stime for each in usage)
    write_json(
        path_of(layout, name),
        vars(StageTime(name, round(since_start(), 2), round(cpu_s, 2), round(time.time(), 2))),
    )


def stage_names(params: Params) -> list[str]:
    """Every stage of the pipeline, in its order."""
    tree = params.tree
    made: list[tuple[str, Iterable[str]]] = [("features", tree.backbones), ("train", tree.models)]
    made += [("tune", tree.tune), ("combine", tree.combine)]
    middle = [f"{stage} {entry}" for stage, entries in made for entry in entries]
    evaluations = [f"evaluate {name}" for name in params.candidates]
    return ["download", "validate", "normalize", *middle, *evaluations, "report"]


def pipeline_start() -> float:
    """When the `dvc repro` began that runs this stage, in seconds since 1970; 0 where no DVC does."""
    pid = os.getpid() if "DVC_STAGE" in os.environ else 0
    while pid > 1 and not is_dvc(pid):
        pid = parent_of(pid)
    try:
        ticks = int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
        return time.time() - age if pid > 1 else 0.0
    except (OSError, AttributeError, ValueError, IndexError):  # not Linux, or not within DVC
        return 0.0


def is_dvc(pid: int) -> bool:
    """Whether a process is DVC, started by its script or as a module."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(word == b"dvc" or word.endswith(b"/dvc") for word in words[:3])


def stage_lines(names: list[str], known: dict[str, StageTime], since: float) -> list[str]:
    """Time of each stage that ran since then, together, and how many were taken from the cache.

    since: in seconds since 1970.
    """
    ran = [known[name] for name in names if name in known and known[name].finished >= since]
    cached = [name for name in names if name not in {stage.name for stage in ran}]
    if not ran:
        return [f"all {len(names)} up to date, nothing had to run"]
    total = duration(sum(stage.wall_s for stage in ran))
    times = ", ".join(f"{stage.name} {duration(stage.wall_s)}" for stage in ran)
    return [f"{total}: {times}", *([f"cached: {', '.join(cached)}"] if cached else [])]


def stage_times(layout: Layout, names: list[str]) -> dict[str, StageTime]:
    """What was noted of these stages on this machine."""
    paths = {name: path_of(layout, name) for name in names}
    return {name: StageTime(**read_json(path)) for name, path in paths.items() if path.exists()}


def report_ran(layout: Layout, since: float) -> bool:
    """Whether the report has been made, and with it the box been shown, since then."""
    made = stage_times(layout, ["report"]).get("report")
    return made is not None and made.finished >= since


def closing_box(layout: Layout, params: Params, since: float, running: str = "") -> str:
    """The box, from files alone. since: when the run began; running: the stage that this is said by."""
    names = stage_names(params)
    known = stage_times(layout, names)
    if running:
        known[running] = StageTime(running, since_start(), 0.0, time.time())
    chosen: dict[str, Any] = read_json(layout.reports / "champion.json")
    parts = {
        "champion": [f"{chosen['candidate'] or 'none'}. {' '.join(chosen['why'][:2])}"],
        "time": stage_lines(names, known, since),
        "report": [str(layout.reports / "index.html")],
        "next": [NEXT],
    }
    return boxed(parts, min(WIDEST, stderr_width(WIDEST)))


def boxed(parts: dict[str, list[str]], width: int) -> str:
    """Text under heads within a frame; a word longer than a line, e.g. a path, is not broken but sticks out."""
    lines = []
    inner = max(width - HEAD - 4, 20)
    for head, texts in parts.items():
        wrapped = [line for text in texts for line in textwrap.wrap(text, inner, break_long_words=False)]
        lines += [f"{head if n == 0 else '':<{HEAD}}{line:<{inner}}" for n, line in enumerate(wrapped)]
    edge = "─" * (HEAD + inner + 2)
    return "\n".join([f"┌{edge}┐", *(f"│ {line} │" for line in lines), f"└{edge}┘"])
