"""Plots: where values stand, which ticks there are, and that a page can show what data are called."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jinja2 import Environment, FileSystemLoader

from stages.core.reporting.pages import TEMPLATES
from stages.core.reporting.plot_scale import Axis, around, compact
from stages.core.reporting.plotting import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Plot, Series
from stages.core.reporting.report_curves import area, corners
from stages.core.reporting.report_mistakes import N_CLASSES, heat

VALUES = st.lists(st.floats(-1e9, 1e9, allow_nan=False), min_size=1, max_size=20)


@given(VALUES)
def test_an_axis_holds_its_values_and_has_ticks(values):
    """Also where all values are the same, or 0."""
    axis = around("x", values)

    assert axis.low < min(values) and max(values) < axis.high
    assert 2 <= len(axis.ticks()) <= 8 and all(axis.low <= tick <= axis.high for tick in axis.ticks())


@given(st.lists(st.floats(1e-3, 1e12), min_size=1, max_size=20))
def test_a_logarithmic_axis_has_ticks_from_one_value_to_fifteen_powers(values):
    """Round ones, within the axis; equal ratios are equal distances."""
    axis = around("x", values, log=True)
    assume(axis.high / axis.low > 2)

    assert 1 <= len(axis.ticks()) <= 20
    assert axis.place((axis.low * axis.high) ** 0.5, 0, 100) == pytest.approx(50)


@given(VALUES)
def test_every_point_is_drawn_within_the_frame(values):
    """And its place can be turned back into its value, as the script does."""
    axis = around("y", values)
    points = list(enumerate(values))
    drawn = Plot("t", "t", around("x", [float(x) for x, _ in points]), axis, [Series("s", points)]).drawn
    places = [tuple(map(float, place.split(","))) for place in drawn["series"][0]["line"].split()]
    low, high, *_ = map(float, drawn["y"]["scale"].split())

    for (x, y), value in zip(places, values, strict=True):
        assert LEFT <= x <= WIDTH - RIGHT and TOP <= y <= HEIGHT - BOTTOM
        back = low + (HEIGHT - BOTTOM - y) / (HEIGHT - BOTTOM - TOP) * (high - low)
        assert back == pytest.approx(value, abs=1e-4 * (high - low))


def test_whole_numbers_get_whole_ticks():
    """An axis of two epochs has none at one and a half."""
    assert Axis("epoch", 1, 2, whole=True).ticks() == [1, 2]


@pytest.mark.parametrize(
    ("value", "text"), [(1_527_040, "1.53M"), (20_000, "20k"), (0.25, "0.25"), (0, "0"), (-2e9, "-2G")]
)
def test_ticks_are_short(value, text):
    """A tick has a few characters."""
    assert compact(value) == text


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=30))
def test_only_points_in_the_middle_of_a_straight_run_are_left_out(steps):
    """The area under a curve stays, and so do its ends."""
    points = [(float(x), float(y)) for x, y in np.cumsum(steps, axis=0)]
    kept = corners(points)

    assert kept[0] == points[0] and kept[-1] == points[-1] and set(kept) <= set(points)
    assert area(kept) == pytest.approx(area(points))


def test_what_data_are_called_is_text_in_a_plot():
    """Names of series, dots and axes reach the page escaped: in text, labels and attributes."""
    evil = '"><script>alert(1)</script>'
    plot = Plot(
        evil,
        evil,
        Axis(evil, 0, 1),
        Axis("y", 0, 1),
        [Series(evil, [(0.5, 0.5)], "dots", said=[evil], tags=[evil]), Series("b", [(0, 0), (1, 1)])],
    )
    page = rendered(plot)

    assert "<script>" not in page and page.count("&lt;script&gt;") >= 6


def rendered(plot):
    """One plot as the pages have it."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    return environment.from_string("{% from 'figures.html' import plot %}{{ plot(one) }}").render(one=plot.drawn)


def test_a_matrix_of_many_classes_shows_the_most_confused():
    """A hundred classes: 25 rows and columns, those with mistakes among them, each with its count of all images."""
    counts = np.diag(np.full(100, 50))
    counts[97, 3], counts[98, 99] = 7, 5
    names = [f"c{k}" for k in range(100)]
    matrix = pd.DataFrame(counts, columns=names)
    matrix.insert(0, "true", names)
    found = heat(matrix)
    rows = {row["true"]: row for row in found["rows"]}

    assert len(found["rows"]) == len(found["classes"]) == N_CLASSES and found["n_left"] == 75
    assert {"c3", "c97", "c98", "c99"} <= rows.keys() and rows["c97"]["total"] == 57
    assert rows["c97"]["cells"][found["classes"].index("c3")][0] == 7
