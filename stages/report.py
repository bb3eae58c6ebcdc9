"""report: all candidates -> leaderboard, champion (chosen on validation) with its card, data set described, pages."""

from pathlib import Path

from stages.core.auditing.entries import enter_decision
from stages.core.console import say, working
from stages.core.errors import UserError
from stages.core.evaluating.plots import pareto_picture
from stages.core.files import replaced_folder, write_csv, write_json, write_text
from stages.core.governance.card import card
from stages.core.governance.croissant import described
from stages.core.layout import PROJECT
from stages.core.reporting.closing import closing_box, pipeline_start
from stages.core.reporting.contents import Contents
from stages.core.reporting.decision import decide
from stages.core.reporting.dvc_views import summary, write_plots
from stages.core.reporting.leaderboard import front_points
from stages.core.reporting.report_page import page
from stages.core.reporting.report_text import markdown
from stages.core.reporting.run_context import write_run_context
from stages.core.settings.params import open_project
from stages.core.tracking.mirror import mirror_present


def main(root: Path = PROJECT) -> None:
    """Write the report. Raises UserError after it is written when a candidate failed."""
    params, layout = open_project(root)
    with working("report: comparing the candidates"):
        decision = decide(layout, params.candidates, params.tree.report.champion, params.tree.evaluate)
    order, choice, table = decision.order, decision.choice, decision.table
    write_csv(layout.reports / "leaderboard.csv", table)
    pareto_picture(front_points(order), layout.pareto)
    contents = Contents(params, layout, order, table, choice)
    write_text(layout.reports / "report.md", markdown(contents))
    with working("report: the page"):
        write_text(layout.reports / "index.html", page(contents))
    write_run_context(layout, params)
    write_json(layout.reports / "champion.json", decision.record)
    write_json(layout.summary, summary(order, choice.champion))
    with replaced_folder(layout.plots) as folder:
        write_plots(folder, order, choice.champion)
    write_json(layout.croissant, described(layout))
    write_text(layout.card, card(layout, choice.champion, params.tree.evaluate.confidence))
    enter_decision(layout, decision.record, params.candidates)
    mirror_present(layout, params)  # in one process, as MLflow takes three CPU seconds to start
    say(closing_box(layout, params, pipeline_start(), running="report"))
    failed = [f"{standing.name}: {standing.failure}" for standing in order if standing.failure]
    if failed:
        raise UserError("the report is written, and some candidates failed:\n  " + "\n  ".join(failed))
