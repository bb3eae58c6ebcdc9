"""sync: complete the ledger, and the MLflow runs of all candidates and trials, from files.

After a run-cache hit, a `dvc pull`, an unreachable server or a deleted store: reads only files, repeats nothing.
"""

import argparse

from stages.core.auditing.entries import complete
from stages.core.console import say
from stages.core.errors import UserError
from stages.core.promoting.carrying_out import mend_registry
from stages.core.reporting.closing import closing_box, report_ran
from stages.core.settings.params import open_project
from stages.core.tracking.mirror import mirror
from stages.core.tracking.store import shown_uri


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the summary that `make repro` ends with."""
    parser.add_argument(
        "--summary",
        type=float,
        metavar="SINCE",
        help="end with the summary of a run that began at SINCE (seconds since 1970), unless its report has shown it",
    )


def main(parsed: argparse.Namespace) -> None:
    """Record and mirror every candidate named in params.yaml whose files are here."""
    params, layout = open_project()
    present = [name for name in params.candidates if (layout.candidate(name) / "candidate.json").exists()]
    for name in params.candidates:
        if name not in present:
            say(f"sync: {name} has no files here; `dvc repro` or `dvc pull` brings them")
    complete(layout, params.candidates, present)
    touched = mirror(layout, params, present)
    if touched is None:
        raise UserError(f"MLflow at {shown_uri(layout)} could not be completed; see the warning above")
    mend_registry(layout, params)
    if touched or parsed.summary is None:
        say(f"sync: {touched} runs completed in {shown_uri(layout)}; {len(present)} candidates are there")
    if parsed.summary is not None and not report_ran(layout, parsed.summary):
        say(closing_box(layout, params, parsed.summary))
