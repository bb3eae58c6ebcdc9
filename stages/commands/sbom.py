"""sbom: list the packages that really are installed, as CycloneDX, and say where they differ from requirements.lock.

Writes reports/sbom.json, the same bytes for the same environment, checked with CycloneDX's own validator. Exit code 3:
a package is missing, has another version than the lock file, or is in none.
"""

import argparse
from pathlib import Path

from stages.core.console import show
from stages.core.errors import PackagesDiffer, UserError
from stages.core.files import canonical, listed, write_text
from stages.core.governance.lock_file import additional_pins, pins
from stages.core.governance.sbom import Differences, bill, differences, faults
from stages.core.settings.params import open_project


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the lock file."""
    parser.add_argument(
        "--lock", type=Path, metavar="FILE", help="left out: requirements.lock; those for CUDA and tests count as well"
    )


def main(parsed: argparse.Namespace) -> None:
    """Write the list. Raises PackagesDiffer when the lock file says something else, UserError without one."""
    layout = open_project()[1]
    lock = parsed.lock or layout.lock
    if not lock.is_file():
        raise UserError(f"--lock {lock}: no such file; give requirements.lock, or leave it out")
    told = bill(lock)
    text = canonical(told)
    wrong = list(faults(text))
    if wrong:
        raise UserError(f"the list is no CycloneDX 1.6: {wrong[0][:300]}")
    write_text(layout.sbom, text)
    n_packages = sum(one["type"] == "library" for one in told["components"])
    show(f"{layout.sbom.relative_to(layout.root)}: {n_packages} packages, {told['serialNumber']}")
    if found := differences(told, pins(lock), additional_pins(lock)):
        raise PackagesDiffer("\n  ".join([f"the packages are not those of {lock.name}", *in_words(found)]))


def in_words(found: Differences) -> list[str]:
    """A line a kind of difference."""
    parts = {"missing": found.missing, "of another version": found.other, "in no lock file": found.foreign}
    return [f"{len(names)} {what}: {listed(names, 10)}" for what, names in parts.items() if names]
