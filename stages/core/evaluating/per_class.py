"""How well each class is found: precision, recall and F1, each with its interval."""

import numpy as np
import pandas as pd

from stages.core.evaluating.intervals import f1_interval, proportion
from stages.core.evaluating.metrics import Outcomes, confusion_matrix, ratio


def per_class(outcome: Outcomes, classes: list[str], confidence: float) -> pd.DataFrame:
    """A row a class: n_images, then precision, recall and F1, each followed by its `_low` and `_high`.

    Precision is of the images that were named so, as many as there were; intervals are Wilson's.
    """
    matrix = confusion_matrix(outcome)
    hits, support, named = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    columns: dict[str, object] = {"class": classes, "n_images": support}
    for name, values, limits, of in (
        ("precision", ratio(hits, named), proportion, named),
        ("recall", ratio(hits, support), proportion, support),
        ("f1", ratio(2 * hits, named + support), f1_interval, named + support - hits),
    ):
        bounds = [limits(h, n, confidence) for h, n in zip(hits, of, strict=True)]
        columns |= {name: values, f"{name}_low": [low for low, _ in bounds], f"{name}_high": [up for _, up in bounds]}
    return pd.DataFrame(columns)
