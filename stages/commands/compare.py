"""compare: is B better than A, or only luckier? Paired tests on the same images, and everything that differs.

A and B: a candidate's name, an MLflow run id, models:/NAME@ALIAS, or a commit or DVC experiment, alone (its champion)
or as REVISION:NAME; B left out: the champion here. Nothing is checked out. Exit code 0 whatever is found; with
--fail-if-worse 3 when B is significantly worse. It corrects for nothing: the report does, for all candidates.
"""

import argparse
import json
import re
import tempfile
from pathlib import Path

from stages.core.comparing.comparison import Compared, as_json, compared
from stages.core.comparing.comparison_markdown import as_markdown
from stages.core.comparing.comparison_page import page, pictures_of
from stages.core.comparing.comparison_text import as_text
from stages.core.comparing.resolving import side
from stages.core.comparing.verdict import WORSE
from stages.core.console import say, show
from stages.core.errors import UserError, Worse
from stages.core.files import write_csv, write_json, write_text
from stages.core.layout import Layout
from stages.core.settings.params import Params, open_project
from stages.core.tracking.attaching import attached

STDOUT, UNSAFE = "-", r"[^A-Za-z0-9._@~-]+"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare both candidates, the images and the forms of the answer."""
    parser.add_argument("a", metavar="A", help="what is there already")
    parser.add_argument("b", metavar="B", nargs="?", help="what is new; left out: the champion of the workspace")
    parser.add_argument("--split", choices=["val", "test"], default="test", help="the images; left out: test")
    parser.add_argument("--intersection", action="store_true", help="where images differ, compare those in common")
    parser.add_argument("--html", metavar="FILE", help="write a page with pictures of the images that flipped")
    parser.add_argument("--markdown", metavar="FILE", help="write a comment for a pull request; - prints it")
    parser.add_argument("--json", action="store_true", help="print all as JSON")
    parser.add_argument("--log", action="store_true", help="attach all forms to the MLflow runs of both")
    parser.add_argument("--fail-if-worse", action="store_true", help="exit code 3 when B is significantly worse")


def main(parsed: argparse.Namespace) -> None:
    """Print the comparison, write what is asked for. Raises Worse, UserError for what can't be compared."""
    params, layout = open_project()
    for name in ("html", "markdown"):
        check_file(name, getattr(parsed, name))
    with tempfile.TemporaryDirectory() as place:
        a, b = (side(layout, params, text, Path(place)) for text in (parsed.a, parsed.b))
        found = compared(layout, params, (a, b), parsed.split, parsed.intersection)
        show(printed(found, parsed))
        if parsed.markdown and parsed.markdown != STDOUT:
            write_text(Path(parsed.markdown).resolve(), as_markdown(found))
            say(f"compare: {parsed.markdown}")
        if parsed.html:
            write_text(Path(parsed.html).resolve(), page(found, pictures_of(layout, found)))
            say(f"compare: {parsed.html}")
        if parsed.log:
            log(layout, params, found)
    if parsed.fail_if_worse and found.verdict.outcome == WORSE:
        raise Worse(found.verdict.sentence)


def printed(found: Compared, parsed: argparse.Namespace) -> str:
    """The form that goes to the screen."""
    if parsed.json:
        return json.dumps(as_json(found), indent=1, ensure_ascii=False, allow_nan=False)
    return as_markdown(found) if parsed.markdown == STDOUT else as_text(found)


def log(layout: Layout, params: Params, found: Compared) -> None:
    """Attach every form to the runs of both. Raises UserError where MLflow, or one of the runs, can't be reached."""
    named = [one.run_id or str(one.record["key"]) for one in (found.a, found.b)]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / folder_name(*found.names)
        write_text(place / "index.html", page(found, pictures_of(layout, found)))
        write_text(place / "comparison.md", as_markdown(found))
        write_json(place / "comparison.json", as_json(found))
        write_csv(place / "flips.csv", found.flips)
        runs = [attached(layout, params, run_or_key, place) for run_or_key in dict.fromkeys(named)]
    say(f"compare: attached as comparisons/{place.name} to the runs {' and '.join(runs)}")


def folder_name(a: str, b: str) -> str:
    """Name of the folder of a comparison, of letters that every store takes."""
    return f"{re.sub(UNSAFE, '_', a)}-{re.sub(UNSAFE, '_', b)}"


def check_file(option: str, name: str | None) -> None:
    """Raise UserError before the work where a form could not be written."""
    if name and name != STDOUT and Path(name).is_dir():
        raise UserError(f"--{option} {name} is a folder; give the name of a file")
