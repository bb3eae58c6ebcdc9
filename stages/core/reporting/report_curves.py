"""Curves of a candidate: its training by epoch, ROC and precision-recall of its classes."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from stages.core.reporting.evaluated import Evaluated
from stages.core.reporting.plot_scale import Axis, around
from stages.core.reporting.plotting import Plot, Point, Series

N_CURVES, N_SHOWN = 10, 4  # classes in a plot; of those, drawn before one asks for more
RATE = (-0.02, 1.02)


def training_plots(history: pd.DataFrame) -> list[Plot]:
    """Loss and accuracy by epoch, of train and validation images; none where there was no epoch."""
    return [by_epoch(history, name) for name in ("loss", "accuracy") if name in history and len(history) > 1]


def by_epoch(history: pd.DataFrame, name: str) -> Plot:
    """One measure by epoch. The last values stand in the title of each line."""
    columns = {"train": name, "validation": f"val_{name}"}
    own = {label: history[column] for label, column in columns.items() if column in history}
    epochs = range(1, len(history) + 1)
    series = [
        Series(label, list(zip(epochs, values, strict=True)), "dashed" if label == "train" else "line")
        for label, values in own.items()
    ]
    ends = ", ".join(f"{label} {values.iloc[-1]:.4f}" for label, values in own.items())
    return Plot(
        title=f"{name.capitalize()} by epoch",
        text=f"{name} by epoch; after epoch {len(history)}: {ends}",
        x=Axis("epoch", 1, len(history), whole=True),
        y=around(name, [value for values in own.values() for value in values]),
        series=series,
    )


def overlaid_plots(histories: dict[str, pd.DataFrame]) -> list[Plot]:
    """Loss and accuracy on validation images by epoch, a line per candidate; none with fewer than two of them.

    histories: history.csv of each candidate by name.
    """
    plots = []
    for column, name in (("val_accuracy", "accuracy"), ("val_loss", "loss")):
        curves_of = {key: table[column].tolist() for key, table in histories.items() if column in table}
        curves_of = {key: values for key, values in curves_of.items() if len(values) > 1}
        if len(curves_of) > 1:
            plots.append(overlaid(curves_of, name))
    return plots


def overlaid(curves_of: dict[str, list[float]], name: str) -> Plot:
    """One measure on validation images by epoch, a line per candidate."""
    ends = ", ".join(f"{key} {values[-1]:.4f}" for key, values in curves_of.items())
    return Plot(
        title=f"{name.capitalize()} on validation images by epoch",
        text=f"{name} on validation images by epoch; after the last epoch: {ends}",
        x=Axis("epoch", 1, max(len(values) for values in curves_of.values()), whole=True),
        y=around(name, [value for values in curves_of.values() for value in values]),
        series=[Series(key, list(enumerate(values, 1))) for key, values in curves_of.items()],
    )


def class_plots(evaluated: Evaluated) -> list[Plot]:
    """ROC and precision-recall, the worst classes first, with the mean of all ROC curves."""
    receiver, precision = evaluated.table("roc"), evaluated.table("pr")
    if not len(receiver) or not len(precision):
        return []
    areas = {name: area(points) for name, points in curves(receiver.iloc[: starts(receiver)[-1]])}
    worst = sorted(areas, key=lambda name: (areas[name], name))[:N_CURVES]
    left = len(areas) - len(worst)
    notes = [f"The {len(worst)} classes with the smallest area under the ROC curve; {left} more in the CSV."] * (
        left > 0
    )
    mean = next(iter(curves(receiver.iloc[starts(receiver)[-1] :])))[1]
    first = [Series(f"mean of all ({area(mean):.4f})", corners(mean)), Series("", [(0, 0), (1, 1)], "guide")]
    found = dict(curves(receiver.iloc[: starts(receiver)[-1]]))
    named = {name: f"{name} ({areas[name]:.4f})" for name in worst}
    return [
        Plot(
            title="ROC: each class against the rest, with the area under it",
            text=f"ROC curves on the {evaluated.images}; mean area {area(mean):.4f}",
            x=Axis("false positive rate", *RATE),
            y=Axis("true positive rate", *RATE),
            series=[*first, *lines(found, named)],
            read="singly",
            notes=notes,
        ),
        Plot(
            title="Precision and recall of each class",
            text=f"precision by recall on the {evaluated.images}, of the classes with the smallest area",
            x=Axis("recall", *RATE),
            y=Axis("precision", *RATE),
            series=lines(dict(curves(precision)), {name: name for name in worst}),
            read="singly",
            first_colour=1,  # a class has the colour that it has among the ROC curves, after their mean
        ),
    ]


def lines(found: dict[str, list[Point]], named: dict[str, str]) -> list[Series]:
    """A series a class, the first few of them drawn at once."""
    return [
        Series(text, corners(found[name]), shown=place < N_SHOWN)
        for place, (name, text) in enumerate(named.items())
        if name in found
    ]


def starts(table: pd.DataFrame) -> list[int]:
    """Rows at which another curve begins; the mean stands last, and a class may have its name."""
    names = table["class"].to_numpy()
    return [0, *(np.flatnonzero(names[1:] != names[:-1]) + 1).tolist()]


def curves(table: pd.DataFrame) -> Iterable[tuple[str, list[Point]]]:
    """Yield each curve of a table with its name."""
    for name, rows in table.groupby("class", sort=False):
        yield str(name), list(zip(rows["x"], rows["y"], strict=True))


def area(points: list[Point]) -> float:
    """Area under a curve, by trapezoids."""
    x, y = np.array(points).T
    return float(np.trapezoid(y, x))


def corners(points: list[Point]) -> list[Point]:
    """The points where a curve bends: the others would change no pixel."""
    points = [point for place, point in enumerate(points) if place == 0 or point != points[place - 1]]
    if len(points) < 3:
        return points
    at = np.array(points)
    before, after = np.diff(at[:-1], axis=0), np.diff(at[1:], axis=0)
    bends = np.abs(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]) > 1e-9
    return [points[0], *(point for point, keep in zip(points[1:-1], bends, strict=True) if keep), points[-1]]
