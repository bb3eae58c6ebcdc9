"""The rows of the leaderboard as the page shows them: every measure with its interval, None where there is none."""

from typing import Any

import pandas as pd

from stages.core.files import records
from stages.core.reporting.standing import Standing

MEASURES = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "ece")
ENDS = ("", "_low", "_high")
DRAWN = ("val_accuracy", "test_accuracy")  # with a dot and whiskers
Row = dict[str, Any]


def board_rows(order: list[Standing], table: pd.DataFrame) -> list[Row]:
    """A row a candidate: what the leaderboard says, and intervals of all measures."""
    keys = [f"{split}_{name}{end}" for split in ("val", "test") for name in MEASURES for end in ENDS]
    rows = records(table.astype(object).where(table.notna(), None))
    return [
        {**row, **{key: standing.metrics.get(key) for key in keys}} for row, standing in zip(rows, order, strict=True)
    ]


def spans(rows: list[Row]) -> dict[str, tuple[float, float]]:
    """From the lowest to the highest end of all intervals of a measure: where its dots are drawn."""
    found = {}
    for name in DRAWN:
        inside = [row for row in rows if row[f"{name}_low"] is not None]
        if inside:
            found[name] = (min(row[f"{name}_low"] for row in inside), max(row[f"{name}_high"] for row in inside))
    return found
