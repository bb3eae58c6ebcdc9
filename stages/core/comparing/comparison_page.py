"""A comparison as one self-contained HTML page with pictures of the images that flipped."""

from typing import Any

from stages.core.comparing.comparison import Compared
from stages.core.comparing.comparison_text import costs, interval, p_of
from stages.core.comparing.flips import GAINED, KINDS, LOST, OTHER
from stages.core.comparing.images import pictures
from stages.core.comparing.measuring import Difference
from stages.core.comparing.origins import by_group
from stages.core.comparing.verdict import BETTER, SAME, WORSE, in_words
from stages.core.files import records
from stages.core.layout import Layout
from stages.core.reporting.pages import render

MOST_PICTURES = 60  # of each kind; flips.csv and --json have all
MOST_CLASSES = 40  # a larger difference matrix is no picture any more; the changed cells stand beside it
WIDTH = 160  # of the line of an interval, in its own units
WORDS = {BETTER: ("pass", "B is better"), WORSE: ("fail", "B is worse"), SAME: ("warn", "no difference can be told")}


def pictures_of(layout: Layout, found: Compared) -> dict[str, str]:
    """Pictures of the flipped images that the page shows, by path in B."""
    shown = found.flips.groupby("kind").head(MOST_PICTURES)
    own = pictures(layout, found.b, list(shown["path"]))
    left = shown[~shown["path"].isin(own)]
    of_a = pictures(layout, found.a, list(left["path_a"])) if len(left) else {}
    return own | {row["path"]: of_a[row["path_a"]] for row in records(left) if row["path_a"] in of_a}


def page(found: Compared, images: dict[str, str]) -> str:
    """The page; `images` are data: URIs by path in B. Every value from data is escaped."""
    badge, words = WORDS[found.verdict.outcome]
    return render(
        "compare.html",
        found=found,
        sides=(found.a, found.b),
        badge=badge,
        words=words,
        measures=[drawn(one) for one in found.differences],
        flips=flipped(found),
        kinds={LOST: "fail", GAINED: "pass", OTHER: "warn"},
        images=images,
        matrix=rows(found) if len(found.pair.classes) <= MOST_CLASSES else [],
        cells=records(found.cells),
        costs=costs(found),
        origins=by_group(found.origins),
        width=WIDTH,
    )


def drawn(one: Difference) -> dict[str, Any]:
    """A measure in words, and its interval as places on a line with 0 in the middle, each measure to its own scale."""
    reach = max(abs(one.low), abs(one.high), 1e-9) * 1.1
    low, middle, high = (WIDTH / 2 * (1 + value / reach) for value in (one.low, one.change, one.high))
    better = "" if one.low <= 0 <= one.high else ("pass" if one.b_is_better else "fail")
    return {
        "name": in_words(one.measure),
        "a": f"{one.a:.4f}",
        "b": f"{one.b:.4f}",
        "change": f"{one.change:+.4f}",
        "interval": interval(one),
        "p": p_of(one),
        "line": (f"{low:.1f}", f"{middle:.1f}", f"{high:.1f}"),
        "kind": better,
    }


def flipped(found: Compared) -> list[dict[str, Any]]:
    """Each kind of flip with its number and the rows that are shown."""
    parts = []
    for kind in KINDS:
        own = found.flips[found.flips["kind"] == kind]
        parts.append({"kind": kind, "n": len(own), "rows": records(own.head(MOST_PICTURES))})
    return parts


def rows(found: Compared) -> list[dict[str, Any]]:
    """The difference matrix: class, and for each cell its number and whether it is good for B."""
    made = []
    for i, (name, values) in enumerate(zip(found.pair.classes, found.matrix, strict=True)):
        cells = [(int(n), "" if n == 0 else "up" if (n > 0) == (i == j) else "down") for j, n in enumerate(values)]
        made.append({"true": name, "cells": cells})
    return made
