"""packages: what is installed is what requirements.lock names."""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from stages.core.doctor.findings import Finding, Patient, ok
from stages.core.files import listed

PINNED = re.compile(r"^([\w.-]+)==([^\s;\\]+)\s*(?:;\s*([^\\\n]+))?", re.MULTILINE)
PYTHON = ((3, 11), (3, 14))


def examine(patient: Patient) -> Iterator[Finding]:
    """Compare versions, and Python's own."""
    found = ".".join(map(str, sys.version_info[:3]))
    if not PYTHON[0] <= sys.version_info < PYTHON[1]:
        yield Finding("broken", f"Python is {found}; 3.11, 3.12 or 3.13 is needed", "install one, then `make setup`")
    missing, other = compared(patient.layout.lock)
    remedy = "run `make setup`, then `. .venv/bin/activate`"
    if missing:
        yield Finding("broken", f"{len(missing)} locked packages are missing: {listed(missing)}", remedy)
    if other:
        yield Finding("warning", f"{len(other)} packages differ from requirements.lock: {listed(other)}", remedy)
    if not missing and not other:
        yield ok(f"Python {found} and every package are as locked")


def compared(lock: Path) -> tuple[list[str], list[str]]:
    """Locked packages that are missing here, and those of another version."""
    missing, other = [], []
    for name, wanted, marker in PINNED.findall(lock.read_text(encoding="utf-8")):
        if marker and not applies(marker):
            continue
        try:
            found = version(name)
        except PackageNotFoundError:
            missing.append(name)
        else:
            other += [f"{name} {found} instead of {wanted}"] if found != wanted else []
    return missing, other


def applies(marker: str) -> bool:
    """Whether a package is meant for this system."""
    from packaging.markers import Marker

    return Marker(marker.strip()).evaluate()
