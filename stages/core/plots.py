"""Pictures as PNG for reports/ and MLflow; the same numbers give the same bytes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.files import replaced


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
    axes.set(title=title, xlabel="predicted", ylabel="true", xticks=range(n), yticks=range(n))
    size = 9 if n <= 20 else 5
    axes.set_xticklabels(classes, rotation=90, fontsize=size)
    axes.set_yticklabels(classes, fontsize=size)
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
            axes.plot(history["epoch"], history[column], label=label)
        axes.set(xlabel="epoch", title=name)
        axes.legend()
    figure.suptitle(title)
    write_png(figure, path)


def write_png(figure: object, path: Path) -> None:
    """Save a matplotlib figure without the version and date it would write into the file."""
    with replaced(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110, metadata={"Software": None})  # type: ignore[attr-defined]
