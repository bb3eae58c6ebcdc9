"""The Pareto front: the candidates that nothing beats in accuracy without costing more."""

from collections.abc import Sequence


def front(points: Sequence[Sequence[float]]) -> list[bool]:
    """Whether each point is on the front. The first number of a point is its gain, the others are its costs.

    A point is off it when another is at least as good in every number, and better in one. O(n^2).
    """
    return [not any(dominates(other, point) for other in points) for point in points]


def dominates(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether `a` gains at least as much as `b` for at most the same costs, and is better in one of them."""
    pairs = list(zip(signed(a), signed(b), strict=True))
    return all(x >= y for x, y in pairs) and any(x > y for x, y in pairs)


def signed(point: Sequence[float]) -> list[float]:
    """Return gain and costs so that more is better in each."""
    gain, *costs = point
    return [gain, *(-cost for cost in costs)]
