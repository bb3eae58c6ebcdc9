"""Whether a confidence can be believed: accuracy against confidence, in bins, as numbers and as a picture."""

from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.evaluating.intervals import proportion
from stages.core.evaluating.metrics import Outcomes
from stages.core.evaluating.plots import default_style, write_png

COLUMNS = ["bin", "low", "high", "n", "confidence", "accuracy", "accuracy_low", "accuracy_high"]


def reliability(outcome: Outcomes, n_bins: int, level: float) -> pd.DataFrame:
    """A row for each of the equal-width bins of confidence that holds images, with Wilson's interval of its accuracy.

    bin counts from 0; low and high are its edges; the highest bin holds confidence 1. Guo et al. 2017, On calibration
    of modern neural networks.
    """
    confidence = outcome.probabilities.max(axis=1)
    place = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    hit = outcome.predicted == outcome.truth
    rows = []
    for index in np.unique(place):
        inside = place == index
        n, n_hits = int(inside.sum()), int(hit[inside].sum())
        edges = [index, index / n_bins, (index + 1) / n_bins]
        rows.append([*edges, n, confidence[inside].mean(), n_hits / n, *proportion(n_hits, n, level)])
    return pd.DataFrame(rows, columns=COLUMNS)


def maximum_calibration_error(table: pd.DataFrame) -> float:
    """Largest distance between accuracy and confidence in any bin of `reliability` (Naeini et al. 2015).

    One image in a bin of its own can set it: it has no interval worth the name.
    """
    return float((table["accuracy"] - table["confidence"]).abs().max())


@default_style()
def reliability_picture(table: pd.DataFrame, title: str, path: Path) -> None:
    """Draw accuracy against confidence with its intervals, above how many images each bin holds."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6, 5.4), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    gaps = (table["accuracy"] - table["accuracy_low"], table["accuracy_high"] - table["accuracy"])
    above.plot([0, 1], [0, 1], color="tab:gray", linestyle=":", label="as sure as it should be")
    above.errorbar(table["confidence"], table["accuracy"], np.clip(gaps, 0, 1), fmt="o-", capsize=3, label="accuracy")
    above.set(title=title, ylabel="accuracy", xlim=(0, 1), ylim=(0, 1.02))
    above.legend(loc="lower left" if table["confidence"].min() > 0.5 else "best")
    below.bar(table["low"], table["n"], width=table["high"] - table["low"], align="edge", edgecolor="white")
    below.set(xlabel="confidence", ylabel="images", yscale="log", ylim=(0.5, None))
    write_png(figure, path)
