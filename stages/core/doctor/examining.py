"""Running every examination; one that can't be made is a finding of its own, and stops no other."""

import importlib
from dataclasses import replace

from stages.core.doctor.findings import LEVELS, Finding, Patient
from stages.core.errors import UserError
from stages.core.layout import PROJECT
from stages.core.plain_text import one_line, visible
from stages.core.tracking.secrets import scrubbed

Report = dict[str, list[Finding]]


def examinations() -> list[str]:
    """Names of the files in stages/health."""
    return sorted(path.stem for path in (PROJECT / "stages/health").glob("[!_]*.py"))


def examined(patient: Patient) -> Report:
    """What each examination found."""
    return {name: examine(name, patient) for name in examinations()}


def examine(name: str, patient: Patient) -> list[Finding]:
    """Make one examination; whatever it raises is said, and nothing that is secret."""
    found = attempted(name, patient)
    return [replace(one, text=said(one.text), advice=said(one.advice)) for one in found]


def said(text: str) -> str:
    """Text as a terminal may have it, without users, passwords and tokens: MLflow's errors quote whole addresses."""
    return visible(scrubbed(text))


def attempted(name: str, patient: Patient) -> list[Finding]:
    """The findings of one examination, or the one that it could not be made."""
    try:
        return list(importlib.import_module(f"stages.health.{name}").examine(patient))
    except ModuleNotFoundError as error:
        advice = "run `make setup`, then `. .venv/bin/activate`"
        return [Finding("broken", f"can't be examined: package {error.name!r} is missing", advice)]
    except UserError as error:
        return [Finding("warning", f"can't be examined: {str(error).splitlines()[0]}")]
    except Exception as error:  # whatever is wrong with the machine, the other examinations still help
        return [Finding("warning", f"can't be examined: {type(error).__name__}: {one_line(error)[:200]}")]


def repaired(report: Report) -> list[str]:
    """Repair what can be repaired; returns what was done, a line each."""
    lines = []
    for name, findings in report.items():
        for finding in findings:
            if finding.repair:
                try:
                    lines.append(said(f"{name}: {finding.repair()}"))
                except Exception as error:  # one that fails leaves the next to be tried
                    lines.append(said(f"{name}: could not be repaired: {type(error).__name__}: {error}"))
    return lines


def worst(report: Report) -> str:
    """The gravest level."""
    return max((finding.level for each in report.values() for finding in each), key=LEVELS.index, default="ok")
