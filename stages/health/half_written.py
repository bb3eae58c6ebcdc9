"""half_written: files that a killed process has left under a temporary name."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from stages.core.doctor.findings import Finding, Patient, ok
from stages.core.files import human_bytes, remove

PLACES = ("", "data", "reports", ".dvc/tmp", ".checkpoints")


def examine(patient: Patient) -> Iterator[Finding]:
    """Find them; those of a process that lives are its own."""
    left = [path for path in parts(patient.layout.main_checkout) if not owned(path)]
    size = sum(each.lstat().st_size for path in left for each in (path, *path.rglob("*")) if each.is_file())
    if left:
        text = f"{len(left)} half-written files of {human_bytes(size)}, e.g. {left[0].name}, were left by killed runs"
        yield Finding("warning", text, "harmless; --repair deletes them", partial(deleted, left))
    else:
        yield ok("no killed run has left half-written files")


def parts(root: Path) -> list[Path]:
    """Everything named `.NAME.PID.part` where the project writes."""
    found = set(root.glob(".*.part"))
    for place in PLACES[1:]:
        found |= set((root / place).rglob(".*.part")) if (root / place).is_dir() else set()
    return sorted(path for path in found if path.name.split(".")[-2].isdigit())


def owned(path: Path) -> bool:
    """Whether the process that its name tells still lives; without /proc it is taken to."""
    return not Path("/proc/self").exists() or Path("/proc", path.name.split(".")[-2]).exists()


def deleted(paths: list[Path]) -> str:
    """Delete them."""
    for path in paths:
        remove(path)
    return f"deleted {len(paths)} half-written files"
