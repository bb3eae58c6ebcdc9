"""A comparison of new images with those of training, for people and machines: a table, JSON, an HTML page."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.core.reporting.pages import render
from stages.core.revisiting.drift import SHARES, Comparison

BINS = 24
WIDTH, HEIGHT = 260, 88  # of a picture, in its own units
BASE = HEIGHT - 16  # where its bars stand
MOST_ROWS = 60  # of the page and the screen; drift.json has all
MOST_NAMED = 20  # unreadable files and classes


@dataclass(frozen=True)
class Outcome:
    """What `imagetrail drift` found.

    place: the new data; n_found: images there, of which n_looked were looked at; unreadable: name -> reason;
    unusual: the new images furthest from what the model knows, as name, distance, label, confidence; worst first.
    """

    model: str
    place: str
    classes: list[str]
    n_found: int
    n_looked: int
    unreadable: dict[str, str]
    comparisons: list[Comparison]
    unusual: list[dict[str, Any]]

    @property
    def drifted(self) -> list[Comparison]:
        """Measures that moved, the worst first."""
        return [one for one in self.comparisons if one.drifted]


def centres(one: Comparison, classes: list[str]) -> tuple[str, str]:
    """Median of old and new; of class shares: those of the class that changed most."""
    if one.measure != SHARES:
        return f"{np.median(one.old):.4g}", f"{np.median(one.new):.4g}"
    name, before, after = max(shares(one, classes), key=lambda row: abs(row[1] - row[2]))
    return f"{name}: {before:.1%}", f"{name}: {after:.1%}"


def shares(one: Comparison, classes: list[str]) -> list[tuple[str, float, float]]:
    """(class, share of old, share of new) of the predicted classes."""
    counts = [np.bincount(ids, minlength=len(classes)) / len(ids) for ids in (one.old, one.new)]
    return [(name, float(before), float(after)) for name, before, after in zip(classes, *counts, strict=True)]


def rows(found: Outcome) -> list[dict[str, Any]]:
    """A row a measure, as drift.json holds it."""
    names = ("group", "measure", "distance", "limit", "p", "level", "verdict")
    made = []
    for one in found.comparisons:
        before, after = centres(one, found.classes)
        made.append({name: getattr(one, name) for name in names} | {"train": before, "new": after})
    return made


def as_json(found: Outcome) -> dict[str, Any]:
    """Everything that was found, without the values themselves."""
    names = ("model", "place", "n_found", "n_looked", "unreadable", "unusual")
    verdict = "drift" if found.drifted else "no drift"
    return {name: getattr(found, name) for name in names} | {"verdict": verdict, "measures": rows(found)}


def as_text(found: Outcome) -> str:
    """The table, the worst first, for a screen."""
    shown = rows(found)[:MOST_ROWS]
    lines = [
        (row["measure"], row["train"], row["new"], f"{row['distance']:.3f}", f"{row['p']:.1e}", row["verdict"])
        for row in shown
    ]
    lines.insert(0, ("measure", "train", "new", "distance", "p", "verdict"))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    more = len(found.comparisons) - len(shown)
    return "\n".join([*text, *([f"and {more:,} more, all nearer; see drift.json"] if more else [])])


def summary(found: Outcome) -> str:
    """One sentence: how many measures moved, and the worst of them."""
    compared = f"{found.n_looked - len(found.unreadable):,} new images and those of {found.model}"
    if not found.comparisons[0].enough:
        return f"{compared} can't be told apart: drift.min_images in params.yaml asks for more of them"
    if not found.drifted:
        return f"no drift between {compared} in {len(found.comparisons)} measures"
    worst, n_moved = found.drifted[0], len(found.drifted)
    moved = f"{n_moved} of {len(found.comparisons)} measures differ between {compared}"
    return f"{moved}, most of all {worst.measure} (distance {worst.distance:.2f}, limit {worst.limit:g})"


def page(found: Outcome, pictures: dict[str, str]) -> str:
    """The page; `pictures` are data: URIs by the name of an unusual image."""
    table, compared = rows(found)[:MOST_ROWS], found.comparisons[:MOST_ROWS]
    (predicted,) = (one for one in found.comparisons if one.measure == SHARES)
    by_change = sorted(shares(predicted, found.classes), key=lambda row: -abs(row[1] - row[2]))
    return render(
        "drift.html",
        found=found,
        summary=summary(found),
        rows=table,
        n_more=len(found.comparisons) - len(table),
        plots=[plot(one) | row for one, row in zip(compared, table, strict=True) if one.measure != SHARES],
        shares=by_change[:MOST_NAMED],
        unreadable=list(found.unreadable.items())[:MOST_NAMED],
        pictures=pictures,
        width=WIDTH,
        height=HEIGHT,
        base=BASE,
    )


def plot(one: Comparison) -> dict[str, Any]:
    """Two outlines of histograms over one axis, as points of SVG, and the ends of the axis.

    The outer 0.5 % of both stand in the outermost bins, so that one odd image doesn't flatten the rest.
    """
    both = np.concatenate([np.percentile(values, [0.5, 99.5]) for values in (one.old, one.new)])
    low, high = float(both.min()), float(both.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, BINS + 1)
    parts = [np.histogram(values.clip(low, high), edges)[0] / len(values) for values in (one.old, one.new)]
    top = max(part.max() for part in parts)
    lines = {name: outline(part / top) for name, part in zip(("old", "new"), parts, strict=True)}
    return {"low": f"{low:.3g}", "high": f"{high:.3g}", "lines": lines}


def outline(heights: Iterable[float]) -> str:
    """The outline of bars, heights in [0, 1], from the left foot to the right one: points of an SVG polygon."""
    bars = list(heights)
    points = [(0.0, float(BASE))]
    for place, height in enumerate(bars):
        y = BASE - height * (BASE - 4)
        points += [(place * WIDTH / len(bars), y), ((place + 1) * WIDTH / len(bars), y)]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in [*points, (WIDTH, float(BASE))])
