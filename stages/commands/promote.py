"""promote: let a candidate through the gate, and register it in MLflow as the champion that others use.

CANDIDATE is what `audit` takes; left out: the champion of the report. Each file in stages/gates/ is a gate, with its
limit under `promote` in params.yaml; it is held against the champion of now on the same test images. Every decision,
pass or fail, goes to the ledger and to MLflow. Exit code 0: champion, 3: a gate failed, 1: something to mend.
"""

import argparse
import importlib
import json
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

from stages.commands.audit import audit
from stages.core.auditing.asked import asked
from stages.core.auditing.finding import Verdict
from stages.core.console import say, show
from stages.core.errors import NotPromoted, UserError
from stages.core.governance.keys import fingerprint
from stages.core.promoting.carrying_out import mend, pending
from stages.core.promoting.contest import Contest
from stages.core.promoting.decision import By, as_text, body_of, failures, summary
from stages.core.promoting.history import MADE_CHAMPION
from stages.core.promoting.promotion import alone, contest_of, record, tried
from stages.core.promoting.rolling_back import roll_back
from stages.core.settings.entries import kinds
from stages.core.settings.params import Params, open_project
from stages.core.tracking.registry import CHAMPION, Registry


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the candidate, and what a person decides."""
    parser.add_argument("candidate", nargs="?", metavar="CANDIDATE", help="left out: the champion of the report")
    parser.add_argument("--dry-run", action="store_true", help="show what the gate says, and change nothing")
    parser.add_argument("--rollback", action="store_true", help="give the place back to the champion before this one")
    parser.add_argument("--force", action="store_true", help="promote what the gate refuses; needs --by and --why")
    parser.add_argument("--by", metavar="NAME", help="who decides; stands in the ledger and on the model")
    parser.add_argument("--why", metavar="TEXT", help="the reason; stands there too")
    parser.add_argument("--public-key", type=Path, metavar="FILE", help="of who must have signed it, as for `audit`")
    parser.add_argument("--json", action="store_true", help="print the decision as JSON")


def main(parsed: argparse.Namespace) -> None:
    """Print the decision. Raises NotPromoted when a gate fails, UserError for what can't be decided."""
    by = by_of(parsed)
    if parsed.public_key:
        fingerprint(parsed.public_key)
    params, layout = open_project()
    with alone(layout):
        registry = Registry(layout, params)
        if not parsed.dry_run:
            mend(registry, layout)
        elif pending(registry, layout):
            say("promote: an earlier decision was cut short; the next promotion, or `imagetrail sync`, carries it out")
        if parsed.rollback:
            body = roll_back(registry, layout, by).body
            show(json.dumps(body, indent=1) if parsed.json else summary(body))
            return
        with tempfile.TemporaryDirectory() as scratch:
            decide(registry, params, parsed, by, Path(scratch))


def by_of(parsed: argparse.Namespace) -> By:
    """Who decides. Raises UserError for force without a name and a reason, and for what goes not together."""
    by = By((parsed.by or "").strip() or None, (parsed.why or "").strip() or None, parsed.force)
    if by.force and not (by.name and by.why):
        raise UserError("--force needs --by NAME and --why TEXT: who lets it through and why is kept with the model")
    if parsed.rollback and (parsed.candidate or by.force or parsed.dry_run):
        raise UserError("--rollback goes back to the champion before, without a gate; it takes --by, --why and --json")
    return by


def decide(registry: Registry, params: Params, parsed: argparse.Namespace, by: By, scratch: Path) -> None:
    """Judge, tell and write. Raises NotPromoted, UserError."""
    layout = registry.layout
    candidate = asked(layout, params, parsed.candidate, scratch).candidate
    if candidate.failure:
        raise UserError(f"{candidate.name} has no model: its training failed ({candidate.failure})")
    now, package = registry.with_alias(CHAMPION), registry.packaged(str(candidate.record["key"]))
    if now and now.package == package.model_id:
        show(f"{candidate.name} is champion of {registry.model} already (version {now.number}); nothing is decided")
        return

    def verdicts() -> list[Verdict]:
        model, quick = parsed.candidate or candidate.name, params.tree.promote.lineage.quick
        return audit(layout.root, model, quick, parsed.public_key)[1]

    contest = contest_of(registry, params, candidate, verdicts, scratch)
    body = body_of(contest, registry.model, gate(contest), by)
    if not parsed.json:
        show(as_text(body))  # first: whatever becomes of MLflow, these minutes were not in vain
    if not parsed.dry_run:
        body = record(registry, contest, body).body
    if parsed.json:
        show(json.dumps(body, indent=1))
    answer(body, parsed.dry_run)


def gates() -> list[tuple[str, ModuleType]]:
    """Every file in stages/gates/, in the order in which they are asked."""
    found = [(name, importlib.import_module(f"stages.gates.{name}")) for name in kinds("gates")]
    return sorted(found, key=lambda gate: gate[1].PLACE)


def gate(contest: Contest) -> list[dict[str, Any]]:
    """Ask every gate, also after one has failed: a decision names all its reasons."""
    return [tried(contest, name, module.check) for name, module in gates()]


def answer(body: dict[str, Any], dry_run: bool) -> None:
    """Say the outcome. Raises NotPromoted."""
    if dry_run:
        failed = failures(body["gates"])
        if failed:
            raise NotPromoted(f"{body['candidate']} does not pass {', '.join(failed)} (--dry-run: nothing is decided)")
        say(f"promote: {body['candidate']} passes every gate (--dry-run: nothing is decided)")
    elif body["what"] not in MADE_CHAMPION:
        raise NotPromoted(summary(body))
    else:
        say(f"promote: {summary(body)}; commit reports/ledger.jsonl")
