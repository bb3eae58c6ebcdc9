"""Differences of measures: by hand, against the measures of an evaluation, and with intervals that hold their level."""

import numpy as np
import pytest

from stages.core.comparing.measuring import differences, newcombe, of_probabilities, of_training, resampled
from stages.core.comparing.pairing import Recognition, paired
from stages.core.comparing.sides import judgement
from stages.core.evaluating.metrics import measures, prepared
from stages.core.evaluating.significance import Answers
from tests.core.comparing.built import EVALUATE, quick, side


def pair(a, b):
    """Both on the test images of one manifest."""
    return paired(judgement(a, "test"), judgement(b, "test"), "test", Recognition("paths in one manifest"))


def test_newcombe_by_hand():
    """Of 50 images 36 are right for both, 12 for B alone, 2 for A alone: the example of his paper, 0.0569 to 0.3404."""
    a = np.array([True] * 36 + [False] * 12 + [True] * 2)
    b = np.array([True] * 36 + [True] * 12 + [False] * 2)

    assert newcombe(a, b, 0.95) == pytest.approx((0.0569, 0.3404), abs=5e-5)
    assert newcombe(b, a, 0.95) == pytest.approx((-0.3404, -0.0569), abs=5e-5)


def test_models_that_never_differ_are_not_known_to_be_equal():
    """Where a bootstrap has no width, 100 images still leave a difference of some points open."""
    hits = np.array([True] * 90 + [False] * 10)
    low, high = newcombe(hits, hits, 0.95)

    assert -0.07 < low < -0.01 and 0.01 < high < 0.07
    assert newcombe(np.array([True]), np.array([True]), 0.95)[0] < 0  # one image, a margin of 0: no division by it


@pytest.mark.parametrize(("only_a", "only_b", "both"), [(0.02, 0.02, 0.95), (0.1, 0.2, 0.5), (0.005, 0.005, 0.985)])
def test_newcombe_holds_its_level(only_a, only_b, both):
    """Of 400 sets of 359 images, 95 % intervals hold the true difference in 93 % or more, also where few disagree."""
    rng = np.random.default_rng(1)
    shares = [both, only_a, only_b, 1 - both - only_a - only_b]
    kinds = rng.choice(4, size=(400, 359), p=shares)
    bounds = [newcombe(k <= 1, (k == 0) | (k == 2), 0.95) for k in kinds]

    assert np.mean([low <= only_b - only_a <= high for low, high in bounds]) >= 0.93


def test_measures_are_those_of_the_evaluation():
    """From hits, losses and probabilities of one training, weighted: what metrics.measures gives."""
    rng = np.random.default_rng(2)
    truth, said, weight = rng.integers(0, 4, 200), rng.dirichlet(np.ones(4), 200), rng.integers(0, 3, 200).astype(float)
    outcome = prepared(truth, said)
    losses = -np.log(said[np.arange(200), truth])
    answers = Answers(truth, said.argmax(axis=1)[None], losses[None], 4)
    found = of_training(answers, 0, weight) | of_probabilities(outcome, weight, quick(top_k=2))
    expected = measures(outcome, weight, quick(top_k=2))

    assert found == pytest.approx({name: expected[name] for name in found})


def test_several_trainings_count_by_their_mean(tmp_path):
    """A's two seeds are right on 2 and 4 of 4 images: 0.75; nothing is called a proportion of images then."""
    a = side(tmp_path, "a", [0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 1, 1])
    b = side(tmp_path, "b", [0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1])
    accuracy = differences(pair(a, b), quick())[0]

    assert (accuracy.measure, accuracy.a, accuracy.b, accuracy.change) == ("accuracy", 0.75, 1.0, 0.25)
    assert accuracy.b_is_better and accuracy.tested.gain == 0.25 and accuracy.tested.p_seeds is not None


def test_of_a_loss_less_is_better(tmp_path):
    """B is surer of what is right: its log loss falls, its gain is positive."""
    a = side(tmp_path, "a", [0, 1] * 20, [0, 1] * 15 + [1, 0] * 5)
    b = side(tmp_path, "b", [0, 1] * 20, [0, 1] * 20)
    loss = next(one for one in differences(pair(a, b), quick()) if one.measure == "log_loss")

    assert loss.change < 0 < loss.tested.gain and loss.b_is_better and loss.high < 0


def test_resamples_that_lean_to_one_side_are_mirrored(tmp_path):
    """Of calibration errors resamples are larger than what was measured: the other end is as far as they reach."""
    truth = [0, 1] * 40
    both = pair(side(tmp_path, "a", truth, [0, 1] * 30 + [1, 0] * 10), side(tmp_path, "b", truth, truth))
    options = quick()
    drawn = [one["ece"] for one in resampled(both, options)]
    ece = next(one for one in differences(both, options) if one.measure == "ece")
    low, high = np.quantile(drawn, [0.025, 0.975])

    assert (ece.low, ece.high) == pytest.approx(
        (min(2 * ece.change - high, ece.change), max(2 * ece.change - low, ece.change))
    )
    assert all(one.low <= one.change <= one.high for one in differences(both, options))


def test_the_same_seed_gives_the_same_intervals(tmp_path):
    """And another seed others: nothing else is drawn."""
    both = pair(side(tmp_path, "a", [0, 1] * 20, [0, 0] * 20), side(tmp_path, "b", [0, 1] * 20, [0, 1] * 19 + [1, 1]))
    intervals = [[(d.low, d.high) for d in differences(both, quick(seed=seed))] for seed in (1, 1, 2)]

    assert intervals[0] == intervals[1] != intervals[2]
    assert EVALUATE.confidence == 0.95
