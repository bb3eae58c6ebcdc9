"""The interval of the AUC: DeLong's variance, by hand and by simulation."""

import math

import numpy as np
import pytest

from stages.core.evaluating.metrics import prepared, roc_auc
from stages.core.evaluating.ranking import auc_interval, influence, placements
from tests.core.evaluating.cases import answered


def test_placements_by_hand():
    """Of the class at 3 and 1, of the rest at 1 and 0: the first outranks both, the second one and a half of two."""
    got = placements(np.array([2, 1, 1, 0]), np.array([True, True, False, False]))

    assert got.tolist() == [1, 0.75, 0.75, 1]


def test_two_classes_have_delongs_variance():
    """The structural components of DeLong et al. 1988 of the class and of the rest, each variance over its number."""
    outcome = answered(60, 2, signal=0.7)
    own, score = outcome.truth == 1, outcome.probabilities[:, 1]
    wins = (score[own][:, None] > score[~own]) + (score[own][:, None] == score[~own]) / 2
    variance = wins.mean(axis=1).var() / own.sum() + wins.mean(axis=0).var() / (~own).sum()

    assert (influence(outcome) ** 2).sum() / 60**2 == pytest.approx(variance)
    assert influence(outcome).mean() == pytest.approx(0)


def test_the_interval_is_symmetric_in_the_odds():
    """The area is the middle of its bounds on the scale of log(area / (1 - area)), and inside of 0 and 1."""
    outcome = answered(80, signal=2.5)
    area = roc_auc(outcome, np.ones(80))
    odds = [math.log(x / (1 - x)) for x in (*auc_interval(outcome, area, 0.95), area)]

    assert (odds[0] + odds[1]) / 2 == pytest.approx(odds[2])


def test_a_perfect_ranking_has_none():
    """No mistake in the order says nothing of how many there may be; nor does a single class."""
    perfect, alone = prepared(np.array([0, 1]), np.eye(2)), prepared(np.array([0, 0]), np.array([[0.9, 0.1]] * 2))

    assert auc_interval(perfect, 1.0, 0.95) is None
    assert auc_interval(alone, math.nan, 0.95) is None


def test_it_holds_the_true_area_as_often_as_it_says():
    """In 400 draws of 200 images in four classes: 380 are expected, and fewer than 366 once in a hundred."""
    true = roc_auc(answered(400_000, signal=1.0), np.ones(400_000))
    held = 0
    for seed in range(400):
        outcome = answered(200, seed=seed + 1, signal=1.0)
        low, high = auc_interval(outcome, roc_auc(outcome, np.ones(200)), 0.95)
        held += low <= true <= high

    assert held >= 366
