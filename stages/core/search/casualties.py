"""Whether a trial's process died for lack of memory: told by the kernel's own count, not by a guess."""

from pathlib import Path
from typing import Any

from stages.core.files import read_json, write_json

DEATHS = 2  # for lack of memory, after which a trial counts as failed
NOTE = "started.json"
COUNTS = (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat"))  # of this container, of the whole machine
BOOT = Path("/proc/sys/kernel/random/boot_id")


def memory_kills() -> list[int]:
    """How many processes the kernel has killed for lack of memory, by each of its counts; none on other systems."""
    return [int(line.split()[1]) for path in COUNTS if path.exists() for line in lines(path)]


def lines(path: Path) -> list[str]:
    """Lines of a count that speak of such kills."""
    return [line for line in path.read_text().splitlines() if line.split()[0] == "oom_kill"]


def more(now: list[int], before: list[int]) -> bool:
    """Whether any count has risen."""
    return any(new > old for new, old in zip(now, before, strict=False))


def deaths(place: Path) -> int:
    """Note that a trial starts, and return how often it died for lack of memory before; kills of other kinds are none.

    place: the folder in which the trial is kept while it runs.
    """
    boot, now = BOOT.read_text() if BOOT.exists() else "", memory_kills()
    note: dict[str, Any] = read_json(place / NOTE) if (place / NOTE).exists() else {}
    died = note.get("deaths", 0) + (note.get("boot") == boot and more(now, note["memory_kills"]))
    write_json(place / NOTE, {"boot": boot, "memory_kills": now, "deaths": int(died)})
    return int(died)
