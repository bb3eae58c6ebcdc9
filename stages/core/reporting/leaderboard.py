"""The leaderboard: one table made from the candidates' files alone, and how it is shown in a terminal."""

from typing import Any

import numpy as np
import pandas as pd

from stages.core.files import human_bytes, read_json, records
from stages.core.layout import Layout
from stages.core.reporting.choosing import Choice
from stages.core.reporting.pareto import front
from stages.core.reporting.standing import Standing

FIRST = ["val_accuracy", "test_accuracy", "test_accuracy_low", "test_accuracy_high"]
MORE = [
    "val_accuracy_low",
    "val_accuracy_high",
    *(f"{split}_{name}" for name in ("balanced_accuracy", "macro_f1", "log_loss", "ece") for split in ("val", "test")),
    *(f"{split}_accuracy_mean{end}" for split in ("val", "test") for end in ("", "_low", "_high")),
]
WHOLE = ["n_seeds", "n_parameters", "multiply_adds", "model_bytes"]
COLUMNS = ["candidate", *FIRST, *MORE, *WHOLE, "pareto", "behind", "p_value", "note", "failure"]
SECONDS = {"train_cpu_s": "train s", "latency_one_image_ms": "ms/image"}


def leaderboard(order: list[Standing], choice: Choice) -> pd.DataFrame:
    """One row a candidate, in the order given; `failure` is empty for those that finished.

    behind, p_value: the leader's gain over a candidate, and its p-value, corrected for all pairs.
    """
    pareto, rivals = on_front(order), {rival.standing.name: rival for rival in choice.rivals}
    rows = []
    for s in order:
        row: dict[str, Any] = {key: s.metrics.get(key) for key in (*FIRST, *MORE, *WHOLE)}
        row |= {"candidate": s.name, "pareto": s.name in pareto, "note": s.note, "failure": s.failure}
        if s.name in rivals:
            row |= {"behind": rivals[s.name].gain, "p_value": rivals[s.name].p}
        rows.append(row)
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.astype(dict.fromkeys(WHOLE, "Int64"))  # as floats they would lose digits in the CSV


def on_front(order: list[Standing]) -> set[str]:
    """Names on the Pareto front of validation accuracy (mean over seeds) against multiply-adds and bytes."""
    points = front_points(order)
    return set(points["candidate"][points["pareto"]])


def front_points(order: list[Standing]) -> pd.DataFrame:
    """A row for each candidate that competes: candidate, val_accuracy, multiply_adds, model_bytes, pareto."""
    numbers = ["val_accuracy", "multiply_adds", "model_bytes"]
    competing = [s for s in order if s.competes]
    points = [(s.score("val_accuracy"), s.metrics["multiply_adds"], s.metrics["model_bytes"]) for s in competing]
    table = pd.DataFrame(points, columns=numbers, dtype=float)
    table.insert(0, "candidate", [s.name for s in competing])
    return table.assign(pareto=np.array(front(points), dtype=bool))


def as_text(table: pd.DataFrame, champion_name: str, timings: dict[str, dict[str, float]]) -> str:
    """The leaderboard for a terminal; seconds stand beside it where this machine has measured them."""
    heads = f"{'val acc':>8}{'over seeds':>17}{'test acc':>9}  {'interval':<14}{'balanced':>9}"
    costs = f"{'mult-adds':>14}{'parameters':>12}{'size':>9}{'front':>6}"
    lines = [f"{'candidate':<24}{heads}{costs}" + "".join(f"{head:>10}" for head in SECONDS.values())]
    for row in records(table):
        star = "*" if row["candidate"] == champion_name else " "
        said = f"failed: {row['failure']}" if row["failure"] else line(row)
        seconds = "" if row["failure"] else beside(timings.get(str(row["candidate"]), {}))
        lines.append(f"{star}{row['candidate']:<23}{said}{seconds}".rstrip())
    mark = "* champion, chosen on validation; the test set chose nothing." if champion_name else "There is no champion."
    lines.append(f"{mark} Why: reports/report.md")
    return "\n".join(lines)


def line(row: dict[str, Any]) -> str:
    """Numbers of a candidate that finished."""
    test, val = has(row, "test"), has(row, "val")
    interval = f"{row['test_accuracy_low']:.4f}–{row['test_accuracy_high']:.4f}" if test else "–"
    split = "test" if test else "val"
    cells = [
        f"{shown(row, 'val_accuracy'):>8}{over_seeds(row, 'val'):>17}",
        f"{shown(row, 'test_accuracy'):>9}  {interval:<14}{shown(row, f'{split}_balanced_accuracy'):>9}",
        f"{row['multiply_adds']:>14,.0f}{row['n_parameters']:>12,.0f}{human_bytes(row['model_bytes']):>9}",
        f"{'yes' if row['pareto'] else '' if val else '–':>6}",
    ]
    return "".join(cells)


def shown(row: dict[str, Any], name: str) -> str:
    """A measure with four digits, or a dash where there is none."""
    return f"{row[name]:.4f}" if pd.notna(row[name]) else "–"


def over_seeds(row: dict[str, Any], split: str) -> str:
    """Mean accuracy of several seeds and half its interval; nothing of one seed."""
    mean, high = row[f"{split}_accuracy_mean"], row[f"{split}_accuracy_mean_high"]
    return f"{mean:.4f} ± {high - mean:.4f}" if pd.notna(high) else ""


def beside(timing: dict[str, float]) -> str:
    """Seconds of training and milliseconds an image; blank where they were not measured here."""
    return "".join(f"{timing[name]:>10.4g}" if name in timing else f"{'':>10}" for name in SECONDS)


def timings(layout: Layout, names: list[str]) -> dict[str, dict[str, float]]:
    """Read what candidates took on this machine, as far as that was noted; no node may make an out of it."""
    paths = {name: layout.timing(name) for name in names}
    return {name: read_json(path) for name, path in paths.items() if path.exists()}


def has(row: dict[str, Any], split: str) -> bool:
    """Whether a candidate was measured on a split."""
    return bool(pd.notna(row[f"{split}_accuracy"]))
