"""report: all candidates -> leaderboard, champion (chosen on validation), Markdown summary and HTML page."""

from pathlib import Path

from stages.core.console import say
from stages.core.errors import UserError
from stages.core.files import write_csv, write_json, write_text
from stages.core.layout import PROJECT
from stages.core.leaderboard import as_text, champion, leaderboard, ranked, standings
from stages.core.params import open_project
from stages.core.report_page import Contents, markdown, page


def main(root: Path = PROJECT) -> None:
    """Write the report. Raises UserError after it is written when a candidate failed."""
    params, layout = open_project(root)
    order = ranked(standings(layout, params.candidates), params.tree.report.champion)
    best, table = champion(order), leaderboard(order)
    contents = Contents(params, layout, order, table, best)
    write_csv(layout.reports / "leaderboard.csv", table)
    write_text(layout.reports / "report.md", markdown(contents))
    write_text(layout.reports / "index.html", page(contents))
    record = best.record if best else {}
    chosen = (
        {"candidate": best.name, "key": record["key"], "model_sha256": record["outputs"]["model.keras"]} if best else {}
    )
    write_json(layout.reports / "champion.json", {"by": params.tree.report.champion, **chosen})
    say(as_text(table, best.name if best else ""))
    failed = [f"{standing.name}: {standing.failure}" for standing in order if standing.failure]
    if failed:
        raise UserError("the report is written, and some candidates failed:\n  " + "\n  ".join(failed))
