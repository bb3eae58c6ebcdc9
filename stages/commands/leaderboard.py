"""leaderboard: print who competes and who won, where the report is, and how to open MLflow.

The same table stands in reports/leaderboard.csv, without the seconds, which are this machine's own.
"""

import argparse

import pandas as pd

from stages.core.console import show
from stages.core.errors import UserError
from stages.core.files import read_json
from stages.core.promoting.history import champion_said, decisions
from stages.core.reporting.leaderboard import as_text, timings
from stages.core.settings.params import open_project
from stages.core.tracking.registry import model_name


def arguments(parser: argparse.ArgumentParser) -> None:
    """None to declare."""


def main(parsed: argparse.Namespace) -> None:
    """Print the leaderboard. Raises UserError before the first `dvc repro`."""
    params, layout = open_project()
    path = layout.reports / "leaderboard.csv"
    if not path.exists():
        raise UserError("there is no leaderboard yet; `make repro` makes one")
    champion = read_json(layout.reports / "champion.json").get("candidate") or ""
    table = pd.read_csv(path, dtype=dict.fromkeys(["failure", "note"], str)).fillna({"failure": "", "note": ""})
    show(as_text(table, champion, timings(layout, list(table["candidate"]))))
    if used := champion_said(decisions(layout, model_name(params))):
        show(f"\nin use        {used}; `imagetrail promote` decides that, this table does not")
    show(f"\nreport page   {layout.reports / 'index.html'}")
    show("MLflow        make ui, then http://127.0.0.1:5000")
