"""Where a candidate fails: confusion matrix, confused pairs with pictures, the mistakes it was surest about, slices."""

from typing import Any

import numpy as np
import pandas as pd

from stages.core.evaluating.confusion_table import read_confusion_table
from stages.core.files import listed, records
from stages.core.reporting.evaluated import Evaluated

N_ROWS = 50  # classes in the table of classes, the lowest recall first
N_CLASSES = 25  # of a confusion matrix; more can't be read, and a table of 1000 x 1000 opens in no browser


def mistakes(evaluated: Evaluated, n_pictures: int, confidence: float) -> dict[str, Any]:
    """What the page shows of it: matrix, pairs, surest, per_class, slices."""
    wrong, classes, parts = evaluated.table("mistakes"), evaluated.table("per_class"), evaluated.slices(confidence)
    seen = classes[classes["n_images"] > 0]  # of no image, a recall says nothing
    surest = records(wrong.head(3 * n_pictures))
    shown = {one["path"] for one in surest} if len(wrong) == len(surest) else set()
    return {
        "matrix": heat(read_confusion_table(evaluated.path("confusion_matrix"))),
        "pairs": confused(evaluated.table("confusions"), wrong[~wrong["path"].isin(shown)], n_pictures),
        "surest": surest,
        "n_wrong": len(wrong),
        "per_class": records(seen.sort_values("recall", kind="stable").head(N_ROWS)),
        "n_rows_left": max(len(seen) - N_ROWS, 0),
        "unseen": listed(classes["class"][classes["n_images"] == 0], N_CLASSES),
        "slices": records(parts),
        "class_span": span(seen["recall_low"]),
        "slice_span": span(parts["low"]),
    }


def heat(matrix: pd.DataFrame) -> dict[str, Any]:
    """A confusion matrix as rows of (count, strength of its colour in 0..1); of many classes, the most confused."""
    counts = matrix.iloc[:, 1:].to_numpy(np.int64)
    off = counts - np.diag(np.diag(counts))
    order = np.argsort(-(off.sum(axis=0) + off.sum(axis=1)), kind="stable")[:N_CLASSES]
    kept, names, totals = np.sort(order), list(matrix.iloc[:, 0]), counts.sum(axis=1)
    rows = [
        {
            "true": names[row],
            "total": int(totals[row]),
            "cells": [(int(counts[row, k]), strength(counts[row, k], totals[row], row == k)) for k in kept],
        }
        for row in kept
    ]
    return {"classes": [names[column] for column in kept], "rows": rows, "n_left": len(names) - len(kept)}


def strength(count: int, total: int, own: bool) -> float:
    """How strongly a cell is coloured, 0..1; a mistake by the root of its share, so that one of a hundred is seen."""
    share = count / max(total, 1)
    return round(float(share if own else 0.3 + 0.7 * np.sqrt(share)), 2)


def confused(pairs: pd.DataFrame, wrong: pd.DataFrame, n_pictures: int) -> list[dict[str, Any]]:
    """The most confused pairs, each with the images the model was most sure about."""
    found = []
    for pair in records(pairs):
        own = wrong[(wrong["true"] == pair["true"]) & (wrong["predicted"] == pair["predicted"])]
        found.append({**pair, "surest": records(own.head(n_pictures))})
    return found


def span(lows: pd.Series) -> tuple[float, float]:
    """From the lowest end of all intervals to 1: where their dots are drawn."""
    return (float(lows.min()) if len(lows) else 0.0, 1.0)


def pictured(found: dict[str, Any]) -> list[str]:
    """Paths of all images that are shown."""
    shown = [one["path"] for one in found["surest"]]
    return shown + [one["path"] for pair in found["pairs"] for one in pair["surest"]]
