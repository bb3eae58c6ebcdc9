"""Who is champion, from the evaluations on disk: what report writes and an audit computes anew."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from stages.core.candidates.candidate import model_sha256
from stages.core.evaluating.answers import read_answers
from stages.core.evaluating.significance import Answers
from stages.core.layout import Layout
from stages.core.reporting.choosing import Choice, as_record, champion_first, choose
from stages.core.reporting.leaderboard import leaderboard
from stages.core.reporting.standing import Standing, ranked, standings
from stages.core.settings.evaluate_options import Evaluate
from stages.core.settings.report_options import Champion


@dataclass(frozen=True)
class Decision:
    """Candidates, the champion first and the others by the measure; the choice among them, and the leaderboard."""

    order: list[Standing]
    choice: Choice
    table: pd.DataFrame

    @property
    def record(self) -> dict[str, Any]:
        """What champion.json says: the choice, with key and hash by which the champion's model is found."""
        champion = self.choice.champion
        found = {"key": champion.record["key"], "model_sha256": model_sha256(champion.record)} if champion else {}
        return {**as_record(self.choice), **found}


def decide(layout: Layout, names: list[str], rule: Champion, evaluate: Evaluate) -> Decision:
    """Apply the rule to the answers on the validation images. Raises UserError without all evaluations."""

    def answers(standing: Standing) -> Answers:
        return read_answers(standing.folder, "val", len(standing.record["classes"]))

    order = ranked(standings(layout, names), rule.measure)
    choice = choose(order, rule, answers, evaluate.seed)
    order = champion_first(order, choice)
    return Decision(order, choice, leaderboard(order, choice))
