"""Answering only when sure."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from stages.core.evaluating.metrics import prepared
from stages.core.evaluating.selection import risk_coverage, shares, threshold_of
from tests.core.evaluating.cases import answered, changed


def confident(confidence, hit):
    """Two classes: confidence of the answer, and whether it was right."""
    confidence, hit = np.array(confidence, float), np.array(hit, bool)
    return prepared(np.where(hit, 0, 1), np.stack([confidence, 1 - confidence], axis=1))


def test_risk_and_coverage_by_hand():
    """Hit at 0.9, miss and hit at 0.8 together, hit at 0.6: no mistake in a quarter, one of three, one of four."""
    got = risk_coverage(confident([0.8, 0.6, 0.9, 0.8], [False, True, True, True]))

    assert got["threshold"].tolist() == [0.9, 0.8, 0.6]
    assert got["coverage"].tolist() == [0.25, 0.75, 1]
    assert got["risk"].tolist() == pytest.approx([0, 1 / 3, 1 / 4])


@given(st.integers(0, 2**31))
def test_every_row_is_what_its_threshold_gives(seed):
    """Answering at or above a threshold covers and errs as its row says; the last row answers all."""
    outcome = answered(150, seed=seed, signal=1.0)
    confidence, wrong = outcome.probabilities.max(axis=1), outcome.predicted != outcome.truth

    for threshold, coverage, risk in risk_coverage(outcome).to_numpy():
        answer = confidence >= threshold
        assert (answer.mean(), wrong[answer].mean()) == pytest.approx((coverage, risk))
    assert coverage == 1


def test_a_long_curve_is_thinned():
    """Two hundred rows of ten thousand, with both ends."""
    got = risk_coverage(answered(10_000))

    assert len(got) == 200
    assert (got["coverage"].iloc[0], got["coverage"].iloc[-1]) == (1e-4, 1)


def test_the_threshold_by_hand():
    """One share, all of 59 right answers: 0.95 ** 59 is just below 0.05, so 95 % are known; of 58 they are not."""
    options = changed(threshold_steps=1, wanted_precision=0.95)

    assert threshold_of(confident([0.9] * 59, [True] * 59), options) == 0
    assert threshold_of(confident([0.9] * 58, [True] * 58), options) is None


def test_it_lies_between_the_last_sure_and_the_first_unsure_image():
    """200 right at 0.9 and 200 of which half are right at 0.6: sure means above 0.75."""
    outcome = confident([0.9] * 200 + [0.6] * 200, [True] * 200 + [True, False] * 100)

    assert threshold_of(outcome, changed(threshold_steps=10, wanted_precision=0.95)) == pytest.approx(0.75)


def test_shares_end_at_equal_confidences():
    """Images of one confidence are all answered, or none."""
    assert shares(np.array([0.9, 0.8, 0.8, 0.7]), 4) == [1, 3, 4]
    assert shares(np.zeros(0), 4) == []


@given(st.integers(0, 2**31), st.sampled_from([0.8, 0.9, 0.95]))
def test_what_is_sure_is_right_as_often_as_wanted(seed, wanted):
    """On the images it was chosen on, an exact lower bound of the precision is above what is wanted."""
    outcome = answered(400, seed=seed)
    found = threshold_of(outcome, changed(wanted_precision=wanted))
    if found is None:
        return
    sure = outcome.probabilities.max(axis=1) >= found
    hits = int((outcome.predicted == outcome.truth)[sure].sum())

    bound = binomtest(hits, int(sure.sum()), alternative="greater").proportion_ci(0.95, "exact").low
    assert bound >= wanted - 1e-12


def test_the_promise_holds_for_images_to_come():
    """In 300 trials a threshold gives new images a precision below the wanted one in at most 5 %, within chance."""
    options, broken, n = changed(wanted_precision=0.9), 0, 300
    for seed in range(n):
        found = threshold_of(answered(300, seed=seed, signal=1.5), options)
        new = answered(20_000, seed=10_000 + seed, signal=1.5)
        sure = new.probabilities.max(axis=1) >= (2 if found is None else found)
        broken += bool(sure.any() and (new.predicted == new.truth)[sure].mean() < 0.9)

    assert broken <= 24  # 15 are expected at most, and a binomial exceeds 24 once in a hundred
