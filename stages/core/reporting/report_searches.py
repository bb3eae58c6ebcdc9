"""What the report page shows of each search: its trials, what mattered, and plots."""

from itertools import pairwise
from typing import Any

import pandas as pd

from stages.core.candidates.candidate import SEARCH, TRIALS
from stages.core.files import records
from stages.core.reporting.parallel_coordinates import parallel_coordinates
from stages.core.reporting.plot_scale import around
from stages.core.reporting.plotting import Plot, Series
from stages.core.reporting.standing import Standing
from stages.core.settings.params import TUNED, Params

NO_VALUES = ("trial", "epochs", "score", "n_epochs", "pruned", "failure")  # columns of trials.csv beside the settings


def searches(order: list[Standing], params: Params) -> list[dict[str, Any]]:
    """The trials of each search, best first, with what mattered."""
    found = []
    for standing in order:
        if not (standing.folder / TRIALS).exists():
            continue
        name = standing.name.removesuffix(TUNED)
        tune, trials, folder = params.tree.tune[name], pd.read_csv(standing.folder / TRIALS), standing.folder / SEARCH
        less = tune.objective == "val_loss"
        ordered = trials.sort_values(["pruned", "score"], ascending=[True, less], kind="stable")
        rows = records(ordered.astype(object).where(ordered.notna(), ""))
        importance = records(pd.read_csv(folder / "importance.csv"))
        found.append(
            {
                "name": name,
                "method": tune.method,
                "objective": tune.objective,
                "columns": list(rows[0]),
                "rows": rows,
                "summary": (folder / "summary.txt").read_text().splitlines(),
                "importance": importance,
                "plots": [plot.drawn for plot in progress(trials, tune.objective, less)],
                "parallel": parallel_coordinates(trials, by_importance(trials, importance), tune.objective, less),
            }
        )
    return found


def by_importance(trials: pd.DataFrame, importance: list[dict[str, Any]]) -> list[str]:
    """The settings of the trials, those that mattered most first."""
    known = [str(row["hyperparameter"]) for row in importance]
    return known + [str(name) for name in trials if name not in (*NO_VALUES, *known)]


def progress(trials: pd.DataFrame, objective: str, less: bool) -> list[Plot]:
    """Score of each trial in the order of their numbers, and the best so far; nothing without two scores."""
    scored = trials[trials["score"].notna()]
    if len(scored) < 2:
        return []
    whole = scored[~scored["pruned"].astype(bool)]
    best = whole["score"].cummin() if less else whole["score"].cummax()
    dots = list(zip(scored["trial"], scored["score"], strict=True))
    return [
        Plot(
            title="Score of each trial, and the best so far",
            text=f"{objective} of {len(scored)} trials; the best is {best.iloc[-1] if len(best) else float('nan'):.4f}",
            x=around("trial", [float(n) for n in scored["trial"]]),
            y=around(objective, list(scored["score"])),
            series=[
                Series("best so far", stairs(list(zip(whole["trial"], best, strict=True))), "guide"),
                Series("trials", dots, "dots", said=[f"trial {n:g}: {score:.4f}" for n, score in dots]),
            ],
            read="singly",
        )
    ]


def stairs(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points joined by steps: a value holds until the next one."""
    found = points[:1]
    for (_, before), (x, y) in pairwise(points):
        found += [(x, before), (x, y)]
    return found
