"""Intervals: against statsmodels and scipy, by hand, and by how often they hold the truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest, norm
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from stages.core.evaluating import intervals as i
from stages.core.evaluating.metrics import prepared, wilson
from tests.core.evaluating.cases import OPTIONS, answered, changed


@given(st.integers(1, 3000), st.floats(0, 1), st.sampled_from([0.8, 0.95, 0.99]))
def test_a_share_has_wilsons_interval(n, share, confidence):
    """The same as statsmodels and scipy."""
    n_hits = round(share * n)
    got = i.proportion(n_hits, n, confidence)

    assert got == pytest.approx(proportion_confint(n_hits, n, 1 - confidence, "wilson"), abs=1e-12)
    other = binomtest(n_hits, n).proportion_ci(confidence, "wilson")
    assert got == pytest.approx((other.low, other.high), abs=1e-12)


def test_of_no_images_nothing_is_known():
    """A class that nobody was taken for has a precision between 0 and 1."""
    assert i.proportion(0, 0, 0.95) == (0, 1)


@given(st.integers(1, 500), st.floats(0, 1), st.integers(1, 500), st.floats(0, 1))
def test_a_difference_has_newcombes_interval(n, p, m, q):
    """The same as statsmodels."""
    hits = round(p * n), round(q * m)
    got = i.difference((hits[0] / n, n), (hits[1] / m, m), 0.95)

    assert got == pytest.approx(confint_proportions_2indep(hits[0], n, hits[1], m, method="newcomb"), abs=1e-9)


def test_a_difference_by_hand():
    """56 of 70 against 48 of 80: 0.0524 to 0.3339, the first example of Newcombe 1998, table II."""
    assert i.difference((56 / 70, 70), (48 / 80, 80), 0.95) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@given(st.integers(1, 300), st.floats(0, 1))
def test_the_mean_of_one_share_is_agresti_and_coulls(n, share):
    """With a single class and z = 2, adding two hits and two misses is their interval, as statsmodels has it."""
    n_hits, confidence = round(share * n), 2 * norm.cdf(2) - 1
    low, high = proportion_confint(n_hits, n, 1 - confidence, "agresti_coull")

    got = i.mean_of_proportions(np.array([n_hits]), np.array([n]), confidence)

    assert got == pytest.approx((max(0, low), min(1, high)), abs=1e-9)


@given(st.integers(1, 300), st.floats(0, 1), st.integers(1, 300), st.floats(0, 1))
def test_the_mean_of_two_shares_is_agresti_and_caffos(n, p, m, q):
    """With two, half of their interval of p - (1 - q), as statsmodels has it, moved by a half."""
    hits = round(p * n), round(q * m)
    low, high = confint_proportions_2indep(hits[0], n, m - hits[1], m, method="agresti-caffo")

    got = i.mean_of_proportions(np.array(hits), np.array([n, m]), 0.95)

    assert got == pytest.approx((max(0, (low + 1) / 2), min(1, (high + 1) / 2)), abs=1e-9)


def test_f1_by_hand():
    """6 hits among 10 images of the class or named so: F1 is 0.75, and so are its bounds made of Wilson's."""
    low, high = wilson(6, 10, 0.95)

    assert i.f1_interval(6, 10, 0.95) == pytest.approx((2 * low / (1 + low), 2 * high / (1 + high)))


def test_intervals_hold_the_value():
    """Every measure lies strictly inside its interval."""
    got = i.measured(answered(signal=1.0), OPTIONS)
    names = {name for name in got if f"{name}_low" in got}

    assert len(names) == 12
    assert [name for name in names if not got[f"{name}_low"] < got[name] < got[f"{name}_high"]] == []


def test_shares_need_no_resampling():
    """Accuracy, top-k and weighted recall have Wilson's interval, balanced accuracy that of a mean of shares."""
    got = i.measured(answered(), OPTIONS)

    for name in ("accuracy", "top2_accuracy", "weighted_recall"):
        assert (got[f"{name}_low"], got[f"{name}_high"]) == wilson(got[name] * 300, 300, 0.95)
    assert got["balanced_accuracy_low"] == got["macro_recall_low"] < got["balanced_accuracy"]


@pytest.mark.parametrize("limit, known", [(0.0, True), (1e9, False)])
def test_few_mistakes_give_no_interval(limit, known):
    """Below n p (1 - p) of 30 or what params say, resampled measures have no bounds, and the number says why."""
    got = i.measured(answered(), changed(bootstrap_from=limit))

    assert ("macro_f1_low" in got, "log_loss_high" in got, "ece_low" in got) == (known,) * 3
    assert {"accuracy_low", "balanced_accuracy_low"} < got.keys()
    assert got["hits_variance"] == pytest.approx(300 * got["accuracy"] * (1 - got["accuracy"]))


def test_without_mistakes_the_bounds_still_leave_room():
    """A model that made none may make some: the lower bounds are below 1."""
    got = i.measured(prepared(np.arange(40) % 4, np.eye(4)[np.arange(40) % 4]), OPTIONS)

    assert got["accuracy"] == got["balanced_accuracy"] == 1
    assert got["accuracy_low"] == pytest.approx(0.9124, abs=1e-4)
    assert 0.88 < got["balanced_accuracy_low"] < 0.9


@pytest.mark.parametrize(
    "n, p, least, most", [(300, 0.95, 0.95, 0.96), (2000, 0.99, 0.94, 0.95), (20, 0.95, 0.92, 0.93)]
)
def test_how_often_wilson_holds_the_truth(n, p, least, most):
    """Exactly, by adding up the binomial: near 95 %, and of 20 images known to be a little short."""
    bounds = [i.proportion(hits, n, 0.95) for hits in range(n + 1)]
    held = [low <= p <= high for low, high in bounds]

    assert least <= binom.pmf(np.arange(n + 1), n, p)[held].sum() <= most


@pytest.mark.parametrize("n_each, mean", [(10, 0.95), (36, 0.99), (100, 0.8)])
def test_how_often_a_mean_of_shares_holds_the_truth(n_each, mean):
    """In 1,000 draws of ten classes: at least 93 %, where resampling gave 86 to 94 and MOVER 86 to 93."""
    rng, support = np.random.default_rng(1), np.full(10, n_each)
    draws = [i.mean_of_proportions(rng.binomial(support, mean), support, 0.95) for _ in range(1000)]

    assert sum(low <= mean <= high for low, high in draws) >= 930


def test_how_often_the_log_loss_holds_the_truth():
    """In 400 draws of 300 images, a third of them wrong: 380 are expected, and fewer than 366 once in a hundred."""
    true = i.loss_interval(answered(400_000, signal=1.0), 1e-9)[0]
    draws = [i.loss_interval(answered(300, seed=seed + 1, signal=1.0), 0.95) for seed in range(400)]

    assert sum(low <= true <= high for low, high in draws) >= 366
