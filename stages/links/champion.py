"""champion: champion.json and the leaderboard <-> the rule applied anew to all evaluations; the ledger's decision."""

import json

import pandas as pd

from stages.core.auditing.audited import Audited
from stages.core.auditing.entries import DECISION, decision_entry
from stages.core.auditing.finding import Found
from stages.core.candidates.candidate import RECORD
from stages.core.files import canonical, digest, read_json, write_csv
from stages.core.reporting.decision import Decision, decide

PLACE = 150


def check(audited: Audited, found: Found) -> str:
    """Choose again; compare the outcome, the table, and the hashes on which the recorded decision rests."""
    layout, names, tree = audited.layout, audited.params.candidates, audited.params.tree
    files = [layout.evaluation(name) / file for name in names for file in (RECORD, "metrics.json")]
    audited.need(layout.reports / "champion.json", layout.reports / "leaderboard.csv", *files)
    again = decide(layout, names, tree.report.champion, tree.evaluate)
    told = read_json(layout.reports / "champion.json")
    right = json.loads(canonical(again.record))
    for name in sorted({*right, *told}):
        found.same(f"champion.json: {name}", right.get(name), told.get(name))
    check_table(audited, again, found)
    check_ledger(audited, told, found)
    own = audited.candidate.name
    standing = "it is champion" if told.get("candidate") == own else f"the champion is {told.get('candidate')}"
    return f"the rule gives the same choice among {len(names)} again; {standing}"


def check_table(audited: Audited, again: Decision, found: Found) -> None:
    """Compare the leaderboard, as it is written."""
    made, kept = audited.place / "leaderboard.csv", audited.layout.reports / "leaderboard.csv"
    write_csv(made, again.table)
    if not found.same("leaderboard.csv", digest(made), digest(kept)):
        right, told = (pd.read_csv(path, dtype=str, keep_default_na=False) for path in (made, kept))
        if right.shape == told.shape and list(right.columns) == list(told.columns):
            rows, columns = (right.to_numpy() != told.to_numpy()).nonzero()
            if len(rows):
                name, row, at = right.columns[columns[0]], right["candidate"][rows[0]], (rows[0], columns[0])
                found.alarms[-1] += f" ({name} of {row}: {right.iloc[at]} would be right, {told.iloc[at]} stands there)"


def check_ledger(audited: Audited, told: dict[str, object], found: Found) -> None:
    """Compare with the last decision in the ledger."""
    lines = [line for line in audited.lines if line.kind == DECISION and line.body.get("what") == "champion"]
    if not lines:
        found.notes.append("the ledger has no decision; `imagetrail sync` enters it")
        return
    own = json.loads(canonical(decision_entry(audited.layout, told, audited.params.candidates)))
    if not any(line.body == own for line in lines):
        last = lines[-1].body
        differ = [name for name in sorted({*own, *last}) if own.get(name) != last.get(name)]
        found.alarm(f"the ledger's last decision ({last.get('candidate')}) differs in {', '.join(differ)}")
