"""Confidence against accuracy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from stages.core.evaluating.metrics import expected_calibration_error, prepared, wilson
from stages.core.evaluating.reliability import maximum_calibration_error, reliability, reliability_picture
from tests.core.evaluating.cases import answered


def test_by_hand():
    """A hit and a miss at 0.62 and 0.66 share a bin of ten; a hit at 1 is in the last one."""
    got = reliability(prepared(np.array([0, 1, 0]), np.array([[0.62, 0.38], [0.66, 0.34], [1, 0]])), 10, 0.95)

    assert got[["bin", "low", "high", "n"]].to_numpy().tolist() == [[6, 0.6, 0.7, 2], [9, 0.9, 1.0, 1]]
    assert got["confidence"].tolist() == pytest.approx([0.64, 1])
    assert got["accuracy"].tolist() == [0.5, 1]
    assert tuple(got.loc[0, ["accuracy_low", "accuracy_high"]]) == wilson(1, 2, 0.95)
    assert maximum_calibration_error(got) == pytest.approx(0.14)


@given(st.integers(0, 2**31), st.integers(1, 20))
def test_as_scikit_learn_and_as_the_error_says(seed, n_bins):
    """Bins are those of scikit-learn's calibration_curve, and their mean distance, by images, is the ECE."""
    outcome = answered(200, seed=seed, sureness=2.0)
    got = reliability(outcome, n_bins, 0.95)
    hit, confidence = outcome.predicted == outcome.truth, outcome.probabilities.max(axis=1)
    accuracy, mean = calibration_curve(hit, confidence, n_bins=n_bins)
    ece = (got["n"] * (got["accuracy"] - got["confidence"]).abs()).sum() / 200

    assert got["accuracy"].tolist() == pytest.approx(accuracy.tolist())
    assert got["confidence"].tolist() == pytest.approx(mean.tolist())
    assert ece == pytest.approx(expected_calibration_error(outcome, np.ones(200), n_bins))
    assert maximum_calibration_error(got) >= ece - 1e-12


def test_the_picture_repeats(tmp_path):
    """The same numbers give the same bytes."""
    bins = reliability(answered(), 10, 0.95)
    for name in ("a", "b"):
        reliability_picture(bins, "test", tmp_path / name)

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
