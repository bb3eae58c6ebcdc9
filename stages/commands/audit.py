"""audit: compute anew what is kept of a model, link by link, back to every image, and say where something disagrees.

MODEL is a candidate's name, a file, an MLflow run id or models:/NAME@ALIAS; left out: the champion. Works offline, and
on a machine that has only the repository and the DVC remote. Exit code 0: nothing disagrees, 3: something does,
1: something to mend. What can't be checked here is `unknown`, with the reason, and never counted as right.
"""

import argparse
import importlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

from stages.core.auditing.asked import Asked, asked
from stages.core.auditing.audited import Audited
from stages.core.auditing.fetching import fetch_missing
from stages.core.auditing.finding import ALARM, OK, UNKNOWN, Found, Unknown, Verdict, verdict
from stages.core.console import say
from stages.core.errors import Alarm
from stages.core.governance.keys import fingerprint
from stages.core.layout import PROJECT
from stages.core.plain_text import one_line
from stages.core.settings.entries import kinds
from stages.core.settings.params import open_project

MOST_LINES = 3


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the model and how much to do."""
    parser.add_argument("model", nargs="?", metavar="MODEL", help="left out: the champion")
    parser.add_argument("--quick", action="store_true", help="decode no image anew")
    parser.add_argument("--public-key", type=Path, metavar="FILE", help="of who must have signed it")
    parser.add_argument("--json", action="store_true", help="print all as JSON")


def main(parsed: argparse.Namespace) -> None:
    """Print a verdict a link. Raises Alarm when something disagrees, UserError for what names no model."""
    if parsed.public_key:
        fingerprint(parsed.public_key)
    found, verdicts = audit(PROJECT, parsed.model, parsed.quick, parsed.public_key)
    print(as_json(found, verdicts) if parsed.json else as_text(found, verdicts))
    answer(found, verdicts)


def audit(
    root: Path, model: str | None, quick: bool = False, public_key: Path | None = None
) -> tuple[Asked, list[Verdict]]:
    """Check every link of a model in a checkout. Raises UserError, Alarm for a model that nothing knows."""
    told = list(links_of(root, model, quick, public_key))
    return told[0][0], [one for _, one in told]


def links_of(
    root: Path, model: str | None, quick: bool = False, public_key: Path | None = None
) -> Iterator[tuple[Asked, Verdict]]:
    """Check link after link: yields what was meant, and a verdict. Raises as `audit`."""
    params, layout = open_project(root)
    fetch_missing(layout)
    with tempfile.TemporaryDirectory() as scratch:
        found = asked(layout, params, model, Path(scratch))
        audited = Audited(layout, params, found.candidate, Path(scratch), quick, public_key)
        yield from ((found, one) for one in same_bytes(found))
        yield from ((found, judged(audited, name, link)) for name, link in links())


def links() -> list[tuple[str, ModuleType]]:
    """Every file in stages/links/, in the order of the chain."""
    found = [(name, importlib.import_module(f"stages.links.{name}")) for name in kinds("links")]
    return sorted(found, key=lambda link: link[1].PLACE)


def judged(audited: Audited, name: str, link: ModuleType) -> Verdict:
    """Check one link; evidence that can't even be read is an alarm, evidence that is not here is unknown."""
    found, agreed = Found(), ""
    say(f"audit: {name} …")
    try:
        agreed = link.check(audited, found)
    except Unknown as error:
        found.unknown.append(str(error))
    except FileNotFoundError as error:
        found.unknown.append(f"{error.filename} is not here")
    except Exception as error:  # damaged files make every reader raise its own
        found.alarm(f"can't be read: {type(error).__name__}: {one_line(error)[:200]}")
    return verdict(name, found, agreed)


def same_bytes(found: Asked) -> Iterator[Verdict]:
    """A verdict on the thing that was named, where it is a copy of the candidate's files."""
    if found.alarms:
        yield Verdict("asked", ALARM, list(found.alarms), [])


def as_json(found: Asked, verdicts: list[Verdict]) -> str:
    """All as JSON."""
    record = found.candidate.record
    about = {"candidate": record["name"], "key": record["key"], "asked": found.how}
    counts = {kind: sum(one.verdict == kind for one in verdicts) for kind in (OK, ALARM, UNKNOWN)}
    return json.dumps({**about, "counts": counts, "links": [asdict(one) for one in verdicts]}, indent=1)


def as_text(found: Asked, verdicts: list[Verdict]) -> str:
    """One line a link; more where something disagrees."""
    how = f" ({found.how})" if found.how else ""
    lines = [f"{found.candidate.name}{how}, key {found.candidate.record['key'][:12]}"]
    for one in verdicts:
        said = one.said if len(one.said) <= MOST_LINES else [*one.said[:MOST_LINES], f"and {len(one.said) - 3} more"]
        head, *rest = [*said, *(f"note: {note}" for note in one.notes)]
        lines.append(f"  {one.verdict:<8}{one.link:<12}{head}")
        lines += [f"{'':<22}{line}" for line in rest]
    return "\n".join(lines)


def answer(found: Asked, verdicts: list[Verdict]) -> None:
    """Sum up. Raises Alarm."""
    alarms = [one.link for one in verdicts if one.verdict == ALARM]
    unknown = [one.link for one in verdicts if one.verdict == UNKNOWN]
    n_ok = len(verdicts) - len(alarms) - len(unknown)
    told = f"{n_ok} of {len(verdicts)} links agree" + (f"; unknown: {', '.join(unknown)}" if unknown else "")
    if alarms:
        raise Alarm(f"{found.candidate.name}: {', '.join(alarms)} disagree{'s' * (len(alarms) == 1)}; {told}")
    say(f"audit: {told}")
