"""Great Expectations judges, we name the rows; the two always agree."""

import re

import great_expectations as gx
import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from stages.core.gate.expectations import judged, run_suite, settled, steady
from stages.core.gate.promises import Promise, broken_rows


def bound(**limits):
    return Promise("in words", "x", "critical", lambda bad, observed: "", **limits)


VALUES = st.lists(
    st.none() | st.floats(-4, 4, width=32) | st.sampled_from([0.1, -0.0, float("inf")]), min_size=1, max_size=20
)


@settings(max_examples=10, phases=[Phase.explicit, Phase.generate])  # shrinking would take minutes
@given(VALUES, st.sampled_from([np.float32, np.float64]), st.floats(-2, 2), st.floats(-2, 2))
def test_both_find_the_same_rows(values, dtype, low, high):
    """For any numbers with any missing, in both widths, and a bound on either side or both."""
    table = pd.DataFrame({"x": np.array([np.nan if value is None else value for value in values], dtype)})
    promised = [
        ("check", promise)
        for promise in (bound(minimum=low), bound(maximum=high), bound(minimum=min(low, high), maximum=max(low, high)))
    ]

    held, _ = judged({"images": table}, {"images": promised})

    for _, promise in promised:
        assert held[id(promise)] == (not broken_rows(promise, table["x"]).any())


@pytest.mark.parametrize(("modes", "holds"), [(["RGB", None, "L"], True), (["RGB", "CMYK"], False), ([None], True)])
def test_a_set_of_words_is_judged_alike(modes, holds):
    """A missing one breaks nothing."""
    promise = bound(among=("RGB", "L"))

    held, _ = judged({"images": pd.DataFrame({"x": pd.Series(modes, dtype="str")})}, {"images": [("check", promise)]})

    assert held[id(promise)] is holds


@pytest.mark.parametrize("limit", [0.01, 0.35, 0.7, 200.1])
def test_a_limit_may_be_met_in_float32(limit):
    """The float32 next to 0.35 lies below 0.35: it stands for the decimal, and both judges know."""
    table = pd.DataFrame({"x": pd.Series([limit, limit + 0.001, np.nan], dtype="float32")})
    least, most = bound(minimum=limit), bound(maximum=limit)

    held, _ = judged({"images": table}, {"images": [("check", least), ("check", most)]})

    assert (held[id(least)], held[id(most)]) == (True, False)
    assert broken_rows(most, table["x"]).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("value", "broken"), [(1.0, False), (2.0, False), (np.nextafter(2, 3), True), (0.5, True), (np.nan, False)]
)
def test_a_bound_belongs_to_what_is_allowed(value, broken):
    """Between 1 and 2, both ends in; a missing value breaks nothing."""
    assert broken_rows(bound(minimum=1.0, maximum=2.0), pd.Series([value])).tolist() == [broken]


def test_another_count_than_ours_stops():
    """A finding that names other rows than those that were judged would be worse than none."""
    promise = bound(maximum=1.0)
    context = gx.get_context(mode="ephemeral")
    (result,) = run_suite(context, "images", pd.DataFrame({"x": [0.0, 2.0]}), [("check", promise)])

    with pytest.raises(RuntimeError, match="x: 1 rows break the promise for Great Expectations, 2 for us"):
        settled(promise, result, pd.DataFrame({"x": [2.0, 2.0]}))


def test_what_can_not_be_judged_stops():
    """Words can't be compared with a number: an error, not a promise kept."""
    table = pd.DataFrame({"x": ["a", "b"]})

    with pytest.raises(RuntimeError, match="x could not be judged"):
        judged({"images": table}, {"images": [("check", bound(maximum=1.0))]})


def test_a_page_repeats():
    """Two runs have other ids and times, and the same pages, with nothing from elsewhere."""
    table, promise = pd.DataFrame({"x": [0.0, 2.0]}), bound(maximum=1.0)
    first, second = (judged({"images": table}, {"images": [("check", promise)]}, True)[1] for _ in range(2))

    assert first == second and len(first) == 2
    assert not any(re.search(r"<script|<link|<img|<form", page) for page in first.values())


def test_only_ids_and_times_are_replaced():
    """The same id gets the same number wherever it stands."""
    first, second = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"

    assert (
        steady(f"{first} {second} {first} 2026-07-31T01:02:03.4Z 12:30")
        == "id-0001 id-0002 id-0001 (time left out) 12:30"
    )
