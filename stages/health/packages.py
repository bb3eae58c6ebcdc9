"""packages: what is installed is what requirements.lock names, and where it is installed what the other locks name."""

import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from stages.core.doctor.findings import Finding, Patient, ok
from stages.core.files import listed
from stages.core.governance.lock_file import additional_pins, pins

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
        yield Finding("warning", f"{len(other)} packages differ from the lock files: {listed(other)}", remedy)
    if not missing and not other:
        yield ok(f"Python {found} and every package are as locked")


def compared(lock: Path) -> tuple[list[str], list[str]]:
    """Packages of requirements.lock that are missing here, and those of any lock that have another version."""
    missing, other, required = [], [], pins(lock)
    for name, pin in {**additional_pins(lock), **required}.items():
        try:
            found = version(pin.name)
        except PackageNotFoundError:
            missing += [pin.name] if name in required else []
        else:
            other += [f"{pin.name} {found} instead of {pin.version}"] if found != pin.version else []
    return missing, other
