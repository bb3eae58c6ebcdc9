"""replay: make a candidate again in a clean clone, from its source images, and compare the bytes of every file.

The clone is of the commit or experiment that holds the candidate; nothing is taken from a cache but the source. MODEL
is named as for `audit`. Exit code 0: equal, 3: not, 1: something to mend.
"""

import argparse
import json
import tempfile
from pathlib import Path

from stages.core.auditing.asked import asked
from stages.core.auditing.audited import Audited
from stages.core.auditing.rebuilding import rebuild
from stages.core.candidates.machine import in_words
from stages.core.console import say
from stages.core.errors import Alarm, UserError
from stages.core.files import digest, listed
from stages.core.settings.params import open_project

EQUAL, DIFFERS, MISSING, NEW = "equal", "differs", "missing", "new"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the model and whether the clone is kept."""
    parser.add_argument("model", nargs="?", metavar="MODEL", help="left out: the champion")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="make the clone there and keep it")
    parser.add_argument("--json", action="store_true", help="print all as JSON")


def main(parsed: argparse.Namespace) -> None:
    """Rebuild, compare, print a line a file. Raises Alarm when a byte differs, UserError when it can't be made."""
    params, layout = open_project()
    if parsed.keep and parsed.keep.exists() and any(parsed.keep.iterdir()):
        raise UserError(f"--keep {parsed.keep} is not empty; name a new folder")
    with tempfile.TemporaryDirectory(prefix="replay-") as scratch:
        candidate = asked(layout, params, parsed.model, Path(scratch)).candidate
        audited = Audited(layout, params, candidate, Path(scratch))
        place = parsed.keep.resolve() if parsed.keep else Path(scratch) / "clone"
        found = compared(candidate.folder, rebuild(audited, place))
    if parsed.json:
        print(json.dumps({"candidate": candidate.name, "files": found}, indent=1))
    else:
        print("\n".join(f"{verdict:<9}{name}" for name, verdict in found.items()))
    answer(audited, found)


def compared(folder: Path, again: Path) -> dict[str, str]:
    """Compare every file of two folders."""
    ours, theirs = (files(place) for place in (folder, again))
    found = {}
    for name in sorted({*ours, *theirs}):
        if name not in theirs or name not in ours:
            found[name] = MISSING if name not in theirs else NEW
        else:
            found[name] = EQUAL if digest(folder / name) == digest(again / name) else DIFFERS
    return found


def files(folder: Path) -> set[str]:
    """Paths of all files below a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def answer(audited: Audited, found: dict[str, str]) -> None:
    """Sum up, with the machine for which it holds. Raises Alarm."""
    then = audited.run_record.get("processor", {}).get("family")
    here = f"on {in_words()}" + (f"; it was made on {then}" if then and then not in in_words() else "")
    others = [name for name, verdict in found.items() if verdict != EQUAL]
    if others:
        raise Alarm(f"{len(others)} of {len(found)} files are not equal {here}: {listed(others)}")
    say(f"replay: all {len(found)} files of {audited.candidate.name} are equal, byte for byte, {here}")
