"""Who competes, who won on validation, and who failed: tables made from the candidates' files alone."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from stages.core.candidate import RECORD
from stages.core.files import read_json, records
from stages.core.layout import Layout

FIRST = ["candidate", "val_accuracy", "test_accuracy", "test_accuracy_low", "test_accuracy_high"]
MORE = [
    "val_macro_f1",
    "test_macro_f1",
    "val_log_loss",
    "test_log_loss",
    "test_ece",
    "n_parameters",
    "multiply_adds",
    "model_bytes",
]
WHOLE = ["n_parameters", "multiply_adds", "model_bytes"]
LOWER_IS_BETTER = {"val_log_loss"}


@dataclass(frozen=True)
class Standing:
    """A candidate as its evaluation describes it, in `folder`; a failed one has no metrics."""

    name: str
    folder: Path
    record: dict[str, Any]
    metrics: dict[str, float]

    @property
    def failure(self) -> str:
        """Why its training failed, or nothing."""
        return self.record["failure"] or ""


def standings(layout: Layout, names: list[str]) -> list[Standing]:
    """Read exactly the named candidates. Raises UserError when one has not been evaluated."""
    folders = {name: layout.evaluation(name) for name in names}
    return [
        Standing(name, folder, read_json(folder / RECORD), read_json(folder / "metrics.json"))
        for name, folder in folders.items()
    ]


def ranked(found: list[Standing], measure: str) -> list[Standing]:
    """Best on validation first; ties by fewer multiply-adds, then by name; failed ones last."""
    sign = 1 if measure in LOWER_IS_BETTER else -1

    def order(standing: Standing) -> tuple[Any, ...]:
        if standing.failure:
            return (1, 0.0, 0.0, standing.name)
        return (0, sign * standing.metrics[measure], standing.metrics["multiply_adds"], standing.name)

    return sorted(found, key=order)


def champion(order: list[Standing]) -> Standing | None:
    """Return the first that did not fail, or None."""
    return next((standing for standing in order if not standing.failure), None)


def leaderboard(order: list[Standing]) -> pd.DataFrame:
    """One row a candidate, in the order given; `failure` is empty for those that finished."""
    rows = [
        {
            "candidate": s.name,
            **{key: s.metrics.get(key) for key in (*FIRST[1:], *MORE)},
            "failure": s.failure,
        }
        for s in order
    ]
    table = pd.DataFrame(rows, columns=[*FIRST, *MORE, "failure"])
    return table.astype(dict.fromkeys(WHOLE, "Int64"))  # as floats they would lose digits in the CSV


def as_text(table: pd.DataFrame, champion_name: str) -> str:
    """The leaderboard for a terminal."""
    lines = [f"{'candidate':<24}{'val acc':>9}{'test acc':>10}  {'interval':<17}{'parameters':>12}{'mult-adds':>14}"]
    for row in records(table):
        star = "*" if row["candidate"] == champion_name else " "
        if row["failure"]:
            lines.append(f"{star}{row['candidate']:<23}   failed: {row['failure']}")
            continue
        test = has_test(row)
        accuracy = f"{row['test_accuracy']:.4f}" if test else "–"
        interval = f"{row['test_accuracy_low']:.4f}–{row['test_accuracy_high']:.4f}" if test else "–"
        cost = f"{row['n_parameters']:>12,.0f}{row['multiply_adds']:>14,.0f}"
        lines.append(f"{star}{row['candidate']:<23}{row['val_accuracy']:>9.4f}{accuracy:>10}  {interval:<17}{cost}")
    return "\n".join([*lines, "* champion: best on validation; the test set chose nothing"])


def has_test(row: dict[str, Any]) -> bool:
    """Whether there was a test split to measure on."""
    return bool(pd.notna(row["test_accuracy"]))
