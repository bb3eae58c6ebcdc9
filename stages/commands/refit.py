"""refit: add an entry that trains the champion's settings once more, on the train and validation images together.

It stands in the report as a refit: validation can't judge it, so it is never champion. Then `dvc repro` trains it.
"""

import argparse
import re
from textwrap import indent
from typing import Any

from ruamel.yaml import YAML

from stages.commands.use import difference, dumped, overlay, round_trip
from stages.core.candidates.candidate import read_candidate
from stages.core.candidates.chosen_model import champion
from stages.core.console import show
from stages.core.errors import UserError, did_you_mean
from stages.core.files import read_json, write_text
from stages.core.reporting.standing import refit_name
from stages.core.settings.params import COMBINED, TUNED, check, open_project
from stages.core.training.refitting import as_trained, refit


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the candidate."""
    parser.add_argument("candidate", nargs="?", help="a candidate's name; left out: the champion")
    parser.add_argument("--dry-run", action="store_true", help="only show the difference")


def main(parsed: argparse.Namespace) -> None:
    """Add the entry to params.yaml and show the difference. Raises UserError and changes nothing on a mistake."""
    params, layout = open_project()
    name = parsed.candidate or champion(layout)
    if name not in params.candidates:
        raise UserError(f"no candidate is called {name!r}; {did_you_mean(name, params.candidates)}")
    if name.endswith(COMBINED):
        raise UserError(f"{name} is made of other candidates; refit one of those")
    candidate = read_candidate(layout.candidate(name))
    if candidate.failure:
        raise UserError(f"{name} has no settings worth repeating: its training failed ({candidate.failure})")
    settings = candidate.folder / "settings.json"
    found = read_json(settings)["values"] if name.endswith(TUNED) else {}
    written = params.model(name.removesuffix(TUNED)).written
    entry = refit(name, as_trained(name, written, candidate.record["params"], found), candidate.history)
    text = layout.params.read_text(encoding="utf-8")
    changed = with_entry(text, name.removesuffix(TUNED), refit_name(name), entry)
    check(YAML(typ="safe", pure=True).load(changed))
    if not parsed.dry_run:
        write_text(layout.params, changed)
    show("".join(difference(text, changed)) or "nothing changes")


def with_entry(text: str, base: str, name: str, entry: dict[str, Any]) -> str:
    """Write an entry at the end of `models`, in the layout and with the comments of the one it is made from.

    One of that name is replaced. Everything else stays as it is, byte for byte. Raises UserError without a `models:`.
    """
    section = re.search(r"^models:.*\n(?:[ \t]+.*\n|\n(?=[ \t]))*", text, re.MULTILINE)
    if not section:
        raise UserError("params.yaml has no section `models:` with a line for each entry; add the entry by hand")
    models = re.sub(own_lines(name), "", section[0], flags=re.MULTILINE)
    found = re.search(own_lines(base), models, re.MULTILINE)
    node = round_trip().load(found[0])[base] if found else entry
    overlay(node, entry)
    return text[: section.start()] + models + indent(dumped({name: node}), "  ") + text[section.end() :]


def own_lines(name: str) -> str:
    """Regular expression of the lines of an entry, two columns in."""
    return rf"^  {name}:.*\n(?:    .*\n|\n(?=    ))*"
