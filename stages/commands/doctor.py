"""doctor: what is wrong with this checkout, its packages, its stores and its machine, and how to mend it.

Each line is ok, a warning or broken, with what to do. --repair does it where nothing can be lost. Exit code 1 if
anything is broken.
"""

import argparse
import json
from dataclasses import replace
from typing import Any

from stages.core.console import say
from stages.core.doctor.examining import Report, examined, repaired, worst
from stages.core.doctor.findings import Patient
from stages.core.errors import UserError
from stages.core.layout import PROJECT, Layout


class Unhealthy(UserError):
    """Something is broken: told in the lines above."""

    heading = "doctor"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what it may do."""
    parser.add_argument("--repair", action="store_true", help="mend what can be mended without losing anything")
    parser.add_argument("--deep", action="store_true", help="read every byte of DVC's cache, however long it takes")
    parser.add_argument("--json", action="store_true", help="print JSON instead of lines")


def main(parsed: argparse.Namespace) -> None:
    """Examine, repair when asked, and print. Raises UserError when something stays broken."""
    patient = Patient(Layout(PROJECT), parsed.deep)
    report = examined(patient)
    if parsed.repair:
        for line in repaired(report):
            say(f"repaired  {line}")
        report = examined(replace(patient))
    print(json.dumps(plain(report), indent=1) if parsed.json else "\n".join(lines(report)))
    if worst(report) == "broken":
        n_broken = sum(finding.level == "broken" for each in report.values() for finding in each)
        raise Unhealthy(f"{n_broken} broken")


def lines(report: Report) -> list[str]:
    """A line a finding."""
    found = [(name, finding) for name, each in report.items() for finding in each]
    return [
        f"{finding.level:<9}{name:<14}{finding.text}{f'; {finding.advice}' if finding.advice else ''}"
        for name, finding in found
    ]


def plain(report: Report) -> list[dict[str, Any]]:
    """The findings as values."""
    return [
        {"examined": name, "level": f.level, "text": f.text, "advice": f.advice, "repairable": f.repair is not None}
        for name, each in report.items()
        for f in each
    ]
