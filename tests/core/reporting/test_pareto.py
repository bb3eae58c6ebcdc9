"""The Pareto front: what nothing beats without costing more."""

from hypothesis import given
from hypothesis import strategies as st

from stages.core.reporting.pareto import dominates, front

POINTS = st.lists(st.tuples(*[st.integers(0, 6)] * 3), min_size=1, max_size=12)


def test_the_front_by_hand():
    """As accurate and dearer is off it, less accurate and cheaper is on it, equals are on it together."""
    points = [(0.9, 10, 5), (0.9, 20, 5), (0.8, 5, 5), (0.8, 5, 5), (0.7, 5, 4), (0.7, 6, 5)]

    assert front(points) == [True, False, True, True, True, False]
    assert front([]) == []


@given(POINTS)
def test_no_member_is_dominated_and_every_other_is(points):
    """By a member, even: the front alone tells why a candidate is off it."""
    members = [point for point, member in zip(points, front(points), strict=True) if member]

    for point, member in zip(points, front(points), strict=True):
        assert member != any(dominates(other, point) for other in members)


@given(POINTS)
def test_the_best_and_the_cheapest_are_on_it(points):
    """The most accurate of the cheapest, and the cheapest of the most accurate."""
    on = dict(zip(points, front(points), strict=True))

    assert on[max(points, key=lambda p: (p[0], -p[1], -p[2]))]
    assert on[min(points, key=lambda p: (p[1], p[2], -p[0]))]
