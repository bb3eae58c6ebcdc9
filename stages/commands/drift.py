"""drift: compare new images, without labels, with those that a model was made from.

Exit code 0: no drift, 3: drift, 1: something to mend. The page is reports/drift/MODEL/index.html, the numbers are
beside it in drift.json; limits stand in params.yaml under `drift`.
"""

import argparse
import json
from pathlib import Path

from stages.core.candidates.candidate import REFERENCE
from stages.core.candidates.chosen_model import champion, comparable, opened, packing
from stages.core.console import say, show
from stages.core.errors import DriftFound
from stages.core.files import listed, replaced_folder, write_json, write_text
from stages.core.ingest.source import Member
from stages.core.reporting.pages import thumbnail
from stages.core.revisiting.arrivals import chosen, looked_at, members_of
from stages.core.revisiting.drift import compare, unusual
from stages.core.revisiting.drift_page import Outcome, as_json, as_text, page, summary
from stages.core.settings.params import open_project
from stages.core.training.reference import read_reference


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the new data and the model."""
    parser.add_argument("new_data", type=Path, help="a folder or an archive of images, with class folders or without")
    parser.add_argument("model", nargs="?", help="a candidate's name; left out: the champion")
    parser.add_argument("--json", action="store_true", help="print drift.json instead of the table")


def main(parsed: argparse.Namespace) -> None:
    """Write the page, print the table. Raises DriftFound, or UserError when it can't be told."""
    params, layout = open_project()
    candidate = comparable(layout, params, parsed.model or champion(layout))
    members = members_of(parsed.new_data, params.tree.download, layout.root / ".dvc/tmp/fetched")
    reference = read_reference(candidate.folder / REFERENCE, candidate.predictions)
    seen = chosen(members, params.tree.drift.max_images)
    new = looked_at(seen, packing(candidate), opened(candidate, params.tree.runtime))
    compared = compare(reference, new.sample, candidate.record["classes"], params.tree.drift)
    found = Outcome(
        model=candidate.name,
        place=str(parsed.new_data),
        classes=candidate.record["classes"],
        n_found=len(members),
        n_looked=len(seen),
        unreadable=new.unreadable,
        comparisons=compared,
        unusual=unusual(reference, new.sample, new.names, candidate.record["classes"]),
    )
    write(layout.drift(candidate.name), found, seen)
    show(json.dumps(as_json(found), indent=1) if parsed.json else as_text(found))
    answer(found, layout.drift(candidate.name) / "index.html")


def write(folder: Path, found: Outcome, members: list[Member]) -> None:
    """Write drift.json and the page with its pictures."""
    named = {member.name: member for member in members}
    files = {item["name"]: named[item["name"]].read for item in found.unusual}
    pictures = {name: thumbnail(read()) for name, read in files.items() if read}
    with replaced_folder(folder) as temporary:
        write_json(temporary / "drift.json", as_json(found))
        write_text(temporary / "index.html", page(found, pictures))


def answer(found: Outcome, place: Path) -> None:
    """Say the outcome and where the page is. Raises DriftFound."""
    if found.unreadable:
        say(f"warning: {len(found.unreadable):,} could not be read: {listed(found.unreadable)}")
    if found.drifted:
        raise DriftFound(f"{summary(found)}; see {place}")
    say(f"{summary(found)}; see {place}")
