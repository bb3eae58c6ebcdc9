"""Whitening: what the set has in common counts for nothing, and chance is told from the set's own pairs."""

import numpy as np
import pytest

from stages.core.gate.whitening import chance_limit, fit_whitening, whitened


def correlated(n, seed=1):
    """Rows whose first directions vary a hundred times as much as the rest."""
    rng = np.random.default_rng(seed)
    return (rng.normal(0, 1, (n, 200)) * np.where(np.arange(200) < 3, 100, 1) + 50).astype(np.float32)


def test_pictures_are_unrelated_once_whitened():
    """Before, a mean of 50 and three directions make any two alike; after, two correlate by chance alone."""
    rows = correlated(800)
    points = whitened(rows, fit_whitening(rows))
    between = (points @ points.T)[np.triu_indices(800, 1)]

    assert np.linalg.norm(points, axis=1) == pytest.approx(1, abs=1e-3)
    assert abs(between.mean()) < 0.01 and between.std() < 0.25


def test_few_pictures_say_nothing_of_a_set():
    """Two copies alone would be opposites once their mean is gone: below 32 it is left."""
    rows = correlated(1).repeat(2, axis=0)
    points = whitened(rows, fit_whitening(rows))

    assert points[0] @ points[1] == pytest.approx(1, abs=1e-3)


def test_the_limit_of_chance_is_beyond_what_chance_brings():
    """Of 600 unrelated points no pair reaches it; more images, or fewer pairs wanted, raise it."""
    points = np.random.default_rng(2).normal(0, 1, (600, 128))
    points = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    limit = chance_limit(points, 600, 1e-5)

    assert (points @ points.T)[np.triu_indices(600, 1)].max() < limit < 0.7
    assert limit < chance_limit(points, 60_000, 1e-5) and limit < chance_limit(points, 600, 1e-7)


def test_copies_do_not_pass_for_chance():
    """Sixteen of each point in the set leave the limit where single points put it, nearly."""
    points = np.random.default_rng(1).normal(0, 1, (40, 128)).repeat(15, axis=0)
    points += np.random.default_rng(2).normal(0, 0.2, points.shape)
    points = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)

    assert chance_limit(points, 600, 1e-5) < 0.7
