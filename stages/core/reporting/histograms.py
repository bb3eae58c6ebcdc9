"""Images by class and by size, each with its parts by split, as stacked bars."""

from typing import Any

import numpy as np
import pandas as pd

from stages.core.images.manifest import SPLITS

MAX_BARS = 40  # classes drawn; the table beside the bars has them all
MAX_BINS = 12


def class_histogram(classes: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A bar per class, the largest first. classes: rows of `class_table`."""
    return scaled([{"label": row["label"], **{split: row[split] for split in SPLITS}} for row in classes[:MAX_BARS]])


def size_histogram(manifest: pd.DataFrame) -> list[dict[str, Any]]:
    """A bar per range of the longer side in pixels; one bar where all images have one size, none without images."""
    used = manifest[manifest["split"].isin(SPLITS)]
    sides = used[["width", "height"]].max(axis=1).to_numpy(float)
    if not len(sides):
        return []
    edges = size_edges(sides)
    place = np.clip(np.searchsorted(edges, sides, side="right") - 1, 0, len(edges) - 2)
    rows = []
    for k in range(len(edges) - 1):
        counts = used["split"].to_numpy()[place == k]
        low, high = int(edges[k]), int(edges[k + 1]) - 1
        label = f"{low:,} px" if low == high else f"{low:,}–{high:,} px"
        rows.append({"label": label, **{split: int((counts == split).sum()) for split in SPLITS}})
    return scaled(rows)


def size_edges(sides: np.ndarray) -> np.ndarray:
    """Whole-numbered edges [B + 1] of at most MAX_BINS ranges: each size by itself where there are few."""
    sizes = np.unique(sides).astype(int)
    if sizes[-1] - sizes[0] < MAX_BINS:
        return np.arange(sizes[0], sizes[-1] + 2)
    ratio = sizes[-1] / max(sizes[0], 1)
    space = np.geomspace if ratio > 8 else np.linspace
    return np.unique(np.round(space(sizes[0], sizes[-1] + 1, MAX_BINS + 1)).astype(int))


def scaled(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add to each row its total and the share of the longest bar that each split takes, in percent."""
    totals = [sum(row[split] for split in SPLITS) for row in rows]
    longest = max([*totals, 1])
    return [
        {**row, "all": total, "shares": {split: round(100 * row[split] / longest, 2) for split in SPLITS}}
        for row, total in zip(rows, totals, strict=True)
    ]
