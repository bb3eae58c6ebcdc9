"""data-diff: say which images came, went or changed between two git revisions or DVC experiments.

Read from the manifests that each dvc.lock records; nothing is checked out. Exit code 0 also when they differ.
"""

import argparse
import json
from pathlib import Path

import pandas as pd

from stages.core.console import say, show
from stages.core.errors import UserError
from stages.core.files import records, write_csv
from stages.core.revisiting.data_diff import COLUMNS, KINDS, changed_facts, difference, sentence, summary
from stages.core.revisiting.revisions import manifest_at, named, source_at
from stages.core.settings.params import open_project

N_EXAMPLES = 5


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the revisions and the form of the answer."""
    parser.add_argument("old", metavar="REV1", help="a git revision or a DVC experiment")
    parser.add_argument("new", metavar="REV2", nargs="?", help="another one; left out: the workspace")
    parser.add_argument("--all", action="store_true", help=f"print every change, not {N_EXAMPLES} of a kind")
    parser.add_argument("--json", action="store_true", help="print all as JSON")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write all as a table, too")


def main(parsed: argparse.Namespace) -> None:
    """Print the difference. Raises UserError for a revision without a manifest that can be read."""
    _, layout = open_project()
    if parsed.csv and parsed.csv.is_dir():
        raise UserError(f"--csv {parsed.csv} is a folder; give the name of a file")
    revisions = (parsed.old, parsed.new)
    old, new = (manifest_at(layout, revision, COLUMNS) for revision in revisions)
    found = difference(old, new)
    facts = changed_facts(*(source_at(layout, revision) for revision in revisions))
    if parsed.csv:
        write_csv(parsed.csv.resolve(), found)
        say(f"data-diff: {len(found):,} changes in {parsed.csv}")
    if parsed.json:
        source = {name: {"old": before, "new": after} for name, before, after in facts}
        show(json.dumps({"old": named(parsed.old), "new": named(parsed.new), "source": source, **listing(found)}))
        return
    show(f"{named(parsed.old)}: {len(old):,} images; {named(parsed.new)}: {len(new):,} images\n")
    show("\n\n".join(paragraphs(found, None if parsed.all else N_EXAMPLES)))
    for name, before, after in facts:
        show(f"source: {name}: {before} -> {after}")


def listing(found: pd.DataFrame) -> dict[str, object]:
    """Counts by kind, and every change."""
    counts = found["kind"].value_counts()
    return {"counts": {kind: int(counts.get(kind, 0)) for kind in KINDS}, "changes": records(found)}


def paragraphs(found: pd.DataFrame, most: int | None) -> list[str]:
    """The table of classes and kinds, then up to `most` examples of each kind; None for all."""
    if found.empty:
        return ["the images are the same"]
    text = [summary(found).to_string()]
    for kind, rows in found.groupby("kind", sort=False):
        lines = [f"{kind}: {len(rows):,}", *(f"  {sentence(row)}" for row in records(rows.head(most or len(rows))))]
        more = len(rows) - (most or len(rows))
        text.append("\n".join([*lines, *([f"  and {more:,} more (--all)"] if more > 0 else [])]))
    return text
