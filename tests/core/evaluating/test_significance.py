"""Paired tests: p-values worked out by hand, false claims as rare as promised."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.evaluating import significance as s
from stages.core.evaluating.significance import Answers


def answers(truth, *predicted, losses=None, n_classes=2):
    """Answers of one or more trainings; losses of 1 where none are given."""
    table = np.array(predicted)
    return Answers(np.array(truth), table, np.ones(table.shape) if losses is None else np.array(losses), n_classes)


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [(0, 0, 1.0), (5, 5, 1.0), (6, 0, 2 / 64), (1, 5, 2 * (1 + 6) / 64), (1, 0, 1.0), (0, 10, 2 / 1024)],
)
def test_mcnemar_counts_the_coins_that_fall_as_unevenly(only_a, only_b, p):
    """Two-sided: the sequences of n fair coins as lopsided as these, of all 2^n."""
    assert s.mcnemar(only_a, only_b) == pytest.approx(p)
    assert s.mcnemar(only_b, only_a) == pytest.approx(p)


def test_holm_by_hand():
    """Smallest times 3, next times 2, last times 1, never falling, never above 1."""
    assert s.holm([0.02, 0.01, 0.5], 3) == pytest.approx([0.04, 0.03, 0.5])
    assert s.holm([0.01, 0.012], 2) == pytest.approx([0.02, 0.02])
    assert s.holm([0.01, 0.04], 6) == pytest.approx([0.06, 0.2])
    assert s.holm([0.9, 0.8], 2) == [1.0, 1.0]
    assert s.holm([], 0) == []


@given(st.lists(st.floats(0, 1), max_size=8), st.integers(0, 20))
def test_holm_never_makes_a_p_value_smaller(p_values, more):
    """Neither does another test, and the order of the p-values stays."""
    adjusted = s.holm(p_values, len(p_values) + more)

    assert all(before <= after <= 1 for before, after in zip(p_values, adjusted, strict=True))
    assert all(a <= b for a, b in zip(adjusted, s.holm(p_values, len(p_values) + more + 1), strict=True))
    assert [adjusted[i] for i in np.argsort(p_values, kind="stable")] == sorted(adjusted)


def test_one_training_each_is_compared_by_mcnemar():
    """Of 8 images A alone is right on 6: gain 0.75, p = 2 / 64."""
    a, b = answers([0] * 8, [0] * 8), answers([0] * 8, [1] * 6 + [0] * 2)
    found = s.compare(a, b, "accuracy", 1)

    assert found.gain == 0.75 and found.p_images == found.p == pytest.approx(2 / 64) and found.p_seeds is None


def test_a_randomization_test_of_hits_is_mcnemars():
    """Swapping answers at random, the share of as large differences nears the exact one."""
    rng = np.random.default_rng(1)
    truth = np.zeros(200, int)
    a, b = (answers(truth, rng.random(200) < wrong) for wrong in (0.1, 0.18))
    p = s.randomization(a, b, "accuracy", np.random.default_rng(1))

    assert p == pytest.approx(s.mcnemar(*s.discordant(a, b)), abs=0.012)


def test_balanced_accuracy_weighs_a_rare_class_as_much_as_a_common_one():
    """3 of 4 rare images and 0 of 12 common ones right alone: balanced gain 3/8; p by hand over 2^3 swaps."""
    truth = [0] * 12 + [1] * 4
    a, b = answers(truth, truth), answers(truth, [0] * 12 + [0, 0, 0, 1])
    found = s.compare(a, b, "balanced_accuracy", 1)

    assert found.gain == pytest.approx(3 / 8)
    assert found.p_images == pytest.approx(2 / 8, abs=0.015)


def test_scores_are_those_of_the_metrics():
    """Accuracy, balanced accuracy, macro F1 and log loss are what metrics.py makes of the same predictions."""
    from stages.core.evaluating.metrics import measures, prepared
    from stages.core.layout import PROJECT
    from stages.core.settings.params import load

    rng = np.random.default_rng(1)
    truth, probabilities = rng.integers(0, 4, 60), rng.dirichlet(np.ones(5), 60)
    own = measures(prepared(truth, probabilities), np.ones(60), load(PROJECT / "params.yaml").tree.evaluate)
    losses = -np.log(probabilities[np.arange(60), truth])
    said = Answers(truth, probabilities.argmax(axis=1)[None], losses[None], 5)

    for measure in s.MEASURES:
        sign = -1 if measure in s.LOWER_IS_BETTER else 1
        assert s.scores(said, measure)[0] == pytest.approx(sign * own[measure]), measure


@pytest.mark.parametrize("measure", s.MEASURES)
def test_a_better_model_gains_in_every_measure(measure):
    """The gain is positive, its p-value small, and the other way round the same with the other sign."""
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 300)
    said = [np.where(rng.random(300) < right, truth, (truth + 1) % 3) for right in (0.95, 0.7)]
    a, b = (answers(truth, one, losses=[np.where(one == truth, 0.1, 2.0)], n_classes=3) for one in said)
    found, turned = s.compare(a, b, measure, 1), s.compare(b, a, measure, 1)

    assert found.gain > 0 and turned.gain == pytest.approx(-found.gain)
    assert found.p < 0.001 and turned.p < 0.001


@pytest.mark.parametrize("measure", ["macro_f1", "log_loss"])
def test_equal_models_are_claimed_to_differ_no_more_often_than_promised(measure):
    """Of 200 pairs of equally good models at most 1 in 20 is called different, give or take chance (binomial 99.9 %)."""
    n_claims = 0
    for place in range(200):
        rng = np.random.default_rng(place)
        truth = rng.integers(0, 3, 60)
        said = [np.where(rng.random(60) < 0.8, truth, (truth + 1) % 3) for _ in range(2)]
        pair = [answers(truth, one, losses=[rng.exponential(size=60)], n_classes=3) for one in said]
        n_claims += s.compare(*pair, measure, 1).p < 0.05

    assert n_claims <= 21


def test_what_the_seeds_do_not_say_is_not_claimed():
    """Models that differ clearly by images, but by seed as much as from one another: the seeds decide."""
    truth = np.zeros(1000, int)

    def training(n_wrong):
        return (np.arange(1000) < n_wrong).astype(int)

    a, b = answers(truth, training(20), training(120)), answers(truth, training(90), training(150))
    found = s.compare(a, b, "accuracy", 1)

    assert found.p_images < 0.01 and found.p_seeds > 0.3 and found.p == found.p_seeds


def test_welch_by_hand():
    """Means 2 apart, variances 1, two seeds each: t = 2, 2 degrees of freedom, p = 0.1835."""
    a, b = np.array([3, 3 + 2**0.5]), np.array([1, 1 + 2**0.5])

    assert s.welch(a, b) == pytest.approx(0.18350342)
    assert s.welch(np.array([1.0, 1.0]), np.array([2.0, 2.0])) == 0.0
    assert s.welch(np.array([1.0, 1.0]), np.array([1.0, 1.0])) == 1.0


def test_the_interval_of_a_mean_is_students():
    """1, 2, 3: mean 2, standard error 1 / sqrt 3, t(2) = 4.3027 at 95 %."""
    low, high = s.mean_interval(np.array([1.0, 2.0, 3.0]), 0.95)

    assert (low, high) == (pytest.approx(2 - 4.30265 / 3**0.5, abs=1e-4), pytest.approx(2 + 4.30265 / 3**0.5, abs=1e-4))


@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_the_binomial_test(only_a, only_b):
    """As SciPy has it, which is too slow to import for one number."""
    from scipy.stats import binomtest

    expected = binomtest(only_a, only_a + only_b, 0.5).pvalue if only_a + only_b else 1.0
    assert s.mcnemar(only_a, only_b) == pytest.approx(expected, rel=1e-9)


@given(st.tuples(*[st.integers(0, 60)] * 4).filter(lambda t: t[0] + t[1] and t[2] + t[3]))
def test_fishers_exact_test_is_scipys(table):
    """The same two-sided p-value, whatever the table."""
    from scipy.stats import fisher_exact

    expected = fisher_exact([table[:2], table[2:]]).pvalue
    assert s.fisher_exact(table[:2], table[2:]) == pytest.approx(expected, rel=1e-9)
