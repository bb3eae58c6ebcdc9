"""Pictures as PNG for reports/ and MLflow; the same numbers give the same bytes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.core.files import replaced

LEGIBLE = 150  # names of classes along a picture


@contextmanager
def default_style() -> Iterator[None]:
    """Draw with matplotlib's own defaults, whatever a matplotlibrc on this machine says."""
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        yield


@default_style()
def confusion_picture(matrix: np.ndarray, classes: list[str], title: str, path: Path) -> None:
    """Draw a confusion matrix int [K, K]: colour is the share of the true class, the number its images."""
    from matplotlib.figure import Figure

    n = len(classes)
    side = max(4.0, min(0.55 * n + 2.2, 16.0))
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.add_subplot()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    named = range(n) if n <= LEGIBLE else []  # more can't be read, and take seconds
    axes.set(title=title, xlabel="predicted", ylabel="true", xticks=named, yticks=named)
    size = 9 if n <= 20 else 5
    axes.set_xticklabels([classes[k] for k in named], rotation=90, fontsize=size)
    axes.set_yticklabels([classes[k] for k in named], fontsize=size)
    if n <= 30:
        for i, j in np.argwhere(matrix > 0):
            dark = shares[i, j] > 0.5
            axes.text(
                j,
                i,
                str(matrix[i, j]),
                ha="center",
                va="center",
                fontsize=size,
                color="white" if dark else "black",
            )
    write_png(figure, path)


@default_style()
def curves_picture(history: pd.DataFrame, title: str, path: Path) -> None:
    """Draw loss and accuracy by epoch, train and validation."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        for column, label in ((name, "train"), (f"val_{name}", "validation")):
            if column in history:  # a last fit on train and validation has no second curve
                axes.plot(history["epoch"], history[column], label=label)
        axes.set(xlabel="epoch", title=name)
        if axes.lines:  # what was combined has no epochs
            axes.legend()
    figure.suptitle(title)
    write_png(figure, path)


@default_style()
def pareto_picture(points: pd.DataFrame, path: Path) -> None:
    """Draw accuracy against each cost, the front as steps. points: as leaderboard.front_points."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.2), layout="constrained")
    costs = {"multiply_adds": "multiply-adds an image", "model_bytes": "bytes of the model's files"}
    for axes, (name, words) in zip(figure.subplots(1, 2, sharey=True), costs.items(), strict=True):
        at = points[name].clip(lower=1)  # a tree multiplies nothing, and the axis is logarithmic
        colours = ["tab:blue" if member else "tab:gray" for member in points["pareto"]]
        axes.scatter(at, points["val_accuracy"], c=colours, zorder=2)
        rising = points.assign(at=at).sort_values(["at", "val_accuracy"], ascending=[True, False], kind="stable")
        best = rising[rising["val_accuracy"] > rising["val_accuracy"].cummax().shift(fill_value=-1.0)]
        axes.step(best["at"], best["val_accuracy"], where="post", color="tab:blue", alpha=0.5, zorder=1)
        for place, (name_shown, x, y) in enumerate(zip(points["candidate"], at, points["val_accuracy"], strict=True)):
            side = (5, 4) if place % 2 == 0 else (5, -10)  # neighbours in the order of the leaderboard are close
            axes.annotate(name_shown, (x, y), xytext=side, textcoords="offset points", fontsize=8)
        logarithmic(axes, at)
        axes.set(xlabel=words)
        axes.margins(y=0.12)
        axes.grid(alpha=0.3)
    figure.axes[0].set(ylabel="validation accuracy")
    write_png(figure, path)


def logarithmic(axes: Any, values: pd.Series) -> None:
    """Give an axis a logarithmic scale with room for names and ticks like 2 M."""
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    low, high = (values.min() / 2, values.max() * 4) if len(values) else (1, 10)
    axes.set(xscale="log", xlim=(low, high))
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 500 else (1,)))
    axes.xaxis.set_major_formatter(EngFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())


def write_png(figure: object, path: Path) -> None:
    """Save a matplotlib figure without the version and date it would write into the file."""
    with replaced(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110, metadata={"Software": None})  # type: ignore[attr-defined]
