"""card: the model card <-> the same written anew for the champion that the rule gives."""

from itertools import zip_longest

from stages.core.auditing.audited import Audited
from stages.core.auditing.finding import Found
from stages.core.candidates.candidate import RECORD
from stages.core.governance.card import card
from stages.core.reporting.decision import decide

PLACE = 155


def check(audited: Audited, found: Found) -> str:
    """Choose and write again, and say the first line that differs."""
    layout, names, tree = audited.layout, audited.params.candidates, audited.params.tree
    evaluations = [layout.evaluation(name) / file for name in names for file in (RECORD, "metrics.json")]
    audited.need(layout.card, layout.source / "source.json", layout.validation / "verdict.json", *evaluations)
    champion = decide(layout, names, tree.report.champion, tree.evaluate).choice.champion
    written, kept = card(layout, champion, tree.evaluate.confidence), layout.card.read_text(encoding="utf-8")
    pairs = enumerate(zip_longest(written.split("\n"), kept.split("\n"), fillvalue="no such line"), 1)
    differ = [(number, one, other) for number, (one, other) in pairs if one != other]
    for number, one, other in differ[:1]:
        found.same(f"{layout.card.name}, line {number} ({len(differ)} differ)", one, other)
    found.n_agreed += not differ
    return f"{layout.card.name} is what the evaluation of {champion.name if champion else 'no champion'} gives"
