"""report: all candidates -> leaderboard, champion (chosen on validation), Markdown summary and HTML page."""

from pathlib import Path

from stages.core.auditing.entries import enter_decision
from stages.core.candidates.candidate import model_sha256
from stages.core.console import say
from stages.core.errors import UserError
from stages.core.evaluating.answers import read_answers
from stages.core.evaluating.plots import pareto_picture
from stages.core.evaluating.significance import Answers
from stages.core.files import write_csv, write_json, write_text
from stages.core.layout import PROJECT
from stages.core.reporting.choosing import Choice, as_record, choose
from stages.core.reporting.contents import Contents
from stages.core.reporting.leaderboard import as_text, front_points, leaderboard
from stages.core.reporting.report_page import page
from stages.core.reporting.report_text import markdown
from stages.core.reporting.standing import Standing, ranked, standings
from stages.core.settings.params import Params, open_project


def main(root: Path = PROJECT) -> None:
    """Write the report. Raises UserError after it is written when a candidate failed."""
    params, layout = open_project(root)
    order = ranked(standings(layout, params.candidates), params.tree.report.champion.measure)
    choice = chosen(params, order)
    table = leaderboard(order, choice)
    write_csv(layout.reports / "leaderboard.csv", table)
    pareto_picture(front_points(order), layout.pareto)
    contents = Contents(params, layout, order, table, choice)
    write_text(layout.reports / "report.md", markdown(contents))
    write_text(layout.reports / "index.html", page(contents))
    decision = {**as_record(choice), **identity(choice.champion)}
    write_json(layout.reports / "champion.json", decision)
    enter_decision(layout, decision, params.candidates)
    say(as_text(table, choice.champion.name if choice.champion else "", {}))
    failed = [f"{standing.name}: {standing.failure}" for standing in order if standing.failure]
    if failed:
        raise UserError("the report is written, and some candidates failed:\n  " + "\n  ".join(failed))


def chosen(params: Params, order: list[Standing]) -> Choice:
    """Apply the rule of params.yaml to the answers on the validation images."""

    def answers(standing: Standing) -> Answers:
        return read_answers(standing.folder, "val", len(standing.record["classes"]))

    return choose(order, params.tree.report.champion, answers, params.tree.evaluate.seed)


def identity(champion: Standing | None) -> dict[str, str]:
    """Key and hash by which the champion's model is found."""
    return {"key": champion.record["key"], "model_sha256": model_sha256(champion.record)} if champion else {}
