"""How much accuracy a model keeps on damaged images."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from stages.core.console import progress
from stages.core.evaluating.corruptions import KINDS, SEVERITIES, corrupted
from stages.core.evaluating.intervals import proportion
from stages.core.images.packs import Pack

CLEAN = "none"
COLUMNS = ["damage", "severity", "n", "accuracy", "low", "high"]


def robustness(pack: Pack, predict: Callable[[np.ndarray], np.ndarray], seed: int, confidence: float) -> pd.DataFrame:
    """A row for the images as they are, and one for each damage and severity, with Wilson's interval.

    predict: uint8 [N, H, W, C] -> probabilities [N, K].
    """
    pairs = [(CLEAN, 0), *((kind, severity) for kind in KINDS for severity in range(1, SEVERITIES + 1))]
    rows = []
    for kind, severity in progress(iter(pairs), len(pairs), "robustness", "corruptions"):
        images = np.asarray(pack.images) if kind == CLEAN else corrupted(pack.images, kind, severity, seed)
        n_hits = int((predict(images).argmax(axis=1) == pack.labels).sum())
        n = len(pack.labels)
        rows.append([kind, severity, n, n_hits / n, *proportion(n_hits, n, confidence)])
    return pd.DataFrame(rows, columns=COLUMNS)


def as_text(table: pd.DataFrame) -> str:
    """A line a kind of damage with its five severities and their mean; the mean over all stands last."""
    damaged = table[table["damage"] != CLEAN]
    head = f"{'damage':<16}" + "".join(f"{severity:>8}" for severity in range(1, SEVERITIES + 1)) + f"{'mean':>8}"
    lines = [head, f"{CLEAN:<16}{'':>{8 * SEVERITIES}}{table['accuracy'].iloc[0]:>8.4f}"]
    for kind, rows in damaged.groupby("damage", sort=False):
        values = [*rows["accuracy"], rows["accuracy"].mean()]
        lines.append(f"{kind:<16}" + "".join(f"{value:>8.4f}" for value in values))
    return "\n".join([*lines, f"{'mean of all':<16}{'':>{8 * SEVERITIES}}{damaged['accuracy'].mean():>8.4f}"])
