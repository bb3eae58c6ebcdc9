"""checkpoints: what unfinished runs have kept, and whether any of them still runs."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from stages.core.claims import in_use
from stages.core.doctor.findings import Finding, Patient, ok
from stages.core.files import human_bytes, remove


def examine(patient: Patient) -> Iterator[Finding]:
    """List every kept state with its size; one whose stage holds its lock is left alone."""
    place = patient.layout.main_checkout / ".checkpoints"
    found = sorted(path for path in place.glob("*") if path.is_dir())
    for folder in found:
        size = human_bytes(sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()))
        if runs(folder):
            yield ok(f"{folder.name} ({size}) belongs to a stage that runs")
        else:
            advice = "the next run of its stage goes on from it, if nothing has changed; --repair deletes it"
            text = f"{folder.name} ({size}) was left by a stage that no longer runs"
            yield Finding("warning", text, advice, partial(deleted, folder))
    if not found:
        yield ok("no unfinished run has left anything")


def runs(folder: Path) -> bool:
    """Whether a stage holds the folder's lock."""
    return folder.with_suffix(".lock").exists() and in_use(folder)


def deleted(folder: Path) -> str:
    """Delete a kept state, unless its stage has begun again meanwhile."""
    if runs(folder):
        return f"{folder.name} is in use again and was kept"
    remove(folder)
    return f"deleted {folder.name}"
