"""ROC and precision-recall curves of each class against the rest."""

import numpy as np
import pandas as pd

from stages.core.evaluating.metrics import Outcomes
from stages.core.evaluating.thinning import thinned

POINTS, CELLS = 200, 20_000  # of a class; of a table, so that one of a thousand classes stays small
MACRO = "macro"
COLUMNS = ["class", "x", "y"]


def counts(score: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Right and false alarms int64 [T] at each threshold that changes them, from the highest score to the lowest.

    score: [N]; own: whether an image is of the class, bool [N].
    """
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True)) if len(score) else np.zeros(0, int)
    right = own[order].cumsum()[last]
    return right, last + 1 - right


def roc(outcome: Outcomes, classes: list[str]) -> pd.DataFrame:
    """False (x) against true (y) positive rate of every class that has images, and `macro`: their mean at equal x.

    Columns class, x, y. A class may be called macro, too: the mean stands last.
    """
    most, curves = points_of(len(classes)), []
    for k, name in enumerate(classes):
        own = outcome.truth == k
        right, false = counts(outcome.probabilities[:, k], own)
        if 0 < own.sum() < len(own):
            curves.append((name, np.append(0, false / (~own).sum()), np.append(0, right / own.sum())))
    if curves:
        grid = np.linspace(0, 1, most)
        curves.append((MACRO, grid, np.mean([highest(grid, x, y) for _, x, y in curves], axis=0)))
    return table(curves, most)


def highest(grid: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Heights [G] of a rising curve at the places of a grid; at a vertical step the upper end."""
    upper = np.append(x[1:] != x[:-1], True)
    return np.interp(grid, x[upper], y[upper])


def precision_recall(outcome: Outcomes, classes: list[str]) -> pd.DataFrame:
    """Recall (x) against precision (y) of every class that has images. Columns class, x, y."""
    curves = []
    for k, name in enumerate(classes):
        own = outcome.truth == k
        right, false = counts(outcome.probabilities[:, k], own)
        if own.any():
            curves.append((name, right / own.sum(), right / (right + false)))
    return table(curves, points_of(len(classes)))


def points_of(n_classes: int) -> int:
    """How many points a curve may have."""
    return max(10, min(POINTS, CELLS // n_classes))


def table(curves: list[tuple[str, np.ndarray, np.ndarray]], most: int) -> pd.DataFrame:
    """Curves below each other, each without the middle of straight runs, and thinned. Columns class, x, y."""
    rows = []
    for name, x, y in curves:
        bends = ~(straight(x) | straight(y))
        rows.append(pd.DataFrame({"class": name, "x": thinned(x[bends], most), "y": thinned(y[bends], most)}))
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=COLUMNS)


def straight(values: np.ndarray) -> np.ndarray:
    """Whether a value [N] equals both of its neighbours, bool [N]."""
    same = values[1:] == values[:-1]
    return np.append(False, same) & np.append(same, False)
