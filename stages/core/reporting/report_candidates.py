"""What the report page shows of each candidate: curves, confusion matrix and the mistakes it was most sure about."""

from typing import Any

import pandas as pd

from stages.core.candidates.candidate import HISTORY
from stages.core.evaluating.evaluation import SEED_TABLE
from stages.core.files import read_text_csv, records
from stages.core.reporting.standing import Standing

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 420, 220, 44, 28, 10  # of a plot, SVG units


def described(standing: Standing, n_pictures: int) -> dict[str, Any]:
    """What the page shows of one candidate."""
    shown: dict[str, Any] = {"name": standing.name, "failure": standing.failure, "pairs": [], "note": standing.note}
    if standing.failure:
        return shown
    history = pd.read_csv(standing.folder / HISTORY)
    plots = [curve_plot(history, name) for name in ("loss", "accuracy") if name in history and len(history)]
    return {
        **shown,
        **pictured(standing, n_pictures),
        "plots": plots,
        "balance": standing.record.get("balance"),
        "seeds": seeds(standing),
    }


def pictured(standing: Standing, n_pictures: int) -> dict[str, Any]:
    """Confusion matrix and mistakes, of the test images where there are any; nothing where all were fitted."""
    splits = [name for name in ("test", "val") if (standing.folder / f"{name}_confusion_matrix.csv").exists()]
    if not splits:
        return {"split": "", "pairs": []}
    names = ("true", "predicted", "class", "path")
    tables = {
        name: read_text_csv(standing.folder / f"{splits[0]}_{name}.csv", names)
        for name in ("confusion_matrix", "per_class", "confusions", "mistakes")
    }
    return {
        "split": splits[0],
        "matrix": heat(tables["confusion_matrix"]),
        "per_class": records(tables["per_class"]),
        "pairs": confused(tables["confusions"], tables["mistakes"], n_pictures),
    }


def seeds(standing: Standing) -> list[dict[str, Any]]:
    """The measures of each training, where there were several."""
    if standing.metrics["n_seeds"] == 1:
        return []
    return records(pd.read_csv(standing.folder / SEED_TABLE))


def heat(matrix: pd.DataFrame) -> dict[str, Any]:
    """A confusion matrix as rows of (count, share of the true class)."""
    counts = matrix.drop(columns="true").to_numpy()
    rows = [
        {"true": name, "cells": [(int(n), n / max(values.sum(), 1)) for n in values]}
        for name, values in zip(matrix["true"], counts, strict=True)
    ]
    return {"classes": list(matrix.columns[1:]), "rows": rows}


def confused(pairs: pd.DataFrame, mistakes: pd.DataFrame, n_pictures: int) -> list[dict[str, Any]]:
    """The most confused pairs, each with the images the model was most sure about."""
    found = []
    for pair in records(pairs):
        wrong = mistakes[(mistakes["true"] == pair["true"]) & (mistakes["predicted"] == pair["predicted"])]
        worst = wrong.head(n_pictures)
        found.append({**pair, "paths": list(worst["path"]), "sure": list(worst["confidence"])})
    return found


def curve_plot(history: pd.DataFrame, name: str) -> dict[str, Any]:
    """Points of a line plot by epoch, train and validation, in SVG units."""
    both = {"train": name, "validation": f"val_{name}"}
    columns = {label: column for label, column in both.items() if column in history}
    values = history[list(columns.values())].to_numpy()
    low, high = float(values.min()), float(values.max())
    high = high if high > low else low + 1
    last = max(len(history) - 1, 1)

    def point(index: int, value: float) -> str:
        x = LEFT + index / last * (WIDTH - LEFT - 8)
        y = TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)
        return f"{x:.1f},{y:.1f}"

    lines = {label: " ".join(point(i, v) for i, v in enumerate(history[column])) for label, column in columns.items()}
    ticks = [(TOP + (HEIGHT - TOP - BOTTOM) * k / 4, f"{high - (high - low) * k / 4:.3g}") for k in range(5)]
    ends = {label: f"{history[column].iloc[-1]:.4f}" for label, column in columns.items()}
    return {
        "name": name,
        "lines": lines,
        "ticks": ticks,
        "ends": ends,
        "n_epochs": len(history),
        "width": WIDTH,
        "height": HEIGHT,
    }
