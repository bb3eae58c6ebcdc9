"""Curves: against scikit-learn, and small."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from stages.core.evaluating.curves import CELLS, POINTS, precision_recall, roc
from stages.core.evaluating.metrics import prepared, roc_auc
from tests.core.evaluating.cases import answered

CLASSES = list("abcd")


def of(table, name):
    """One curve."""
    return table[table["class"] == name]


@given(st.integers(0, 2**31))
def test_roc_is_scikit_learns(seed):
    """The same corners for every class, and the area below each is the AUC; ties, as of a forest, included."""
    outcome = answered(60, seed=seed, signal=1.0)
    outcome = prepared(outcome.truth, outcome.probabilities.round(1))
    got = roc(outcome, CLASSES)

    for k, name in enumerate(CLASSES):
        x, y, _ = sk.roc_curve(outcome.truth == k, outcome.probabilities[:, k], drop_intermediate=False)
        one = of(got, name)
        assert set(zip(one["x"], one["y"], strict=True)) <= set(zip(x, y, strict=True))
        assert np.trapezoid(one["y"], one["x"]) == pytest.approx(sk.auc(x, y))


@given(st.integers(0, 2**31))
def test_precision_and_recall_are_scikit_learns(seed):
    """Every point is one of scikit-learn's, from the surest image to the last."""
    outcome = answered(60, seed=seed, signal=1.0)
    got = precision_recall(outcome, CLASSES)

    for k, name in enumerate(CLASSES):
        precision, recall, _ = sk.precision_recall_curve(outcome.truth == k, outcome.probabilities[:, k])
        known = {(round(x, 9), round(y, 9)) for x, y in zip(recall, precision, strict=True)}
        one = of(got, name)
        assert {(round(x, 9), round(y, 9)) for x, y in zip(one["x"], one["y"], strict=True)} <= known
        assert one["x"].iloc[-1] == 1


def test_the_macro_curve_is_the_mean():
    """Its area is that of the mean AUC, but for what a grid of 200 points loses; it stands last."""
    outcome = answered(2000, signal=1.0)
    got = roc(outcome, CLASSES)
    macro = of(got, "macro")

    assert got["class"].iloc[-1] == "macro"
    assert np.trapezoid(macro["y"], macro["x"]) == pytest.approx(roc_auc(outcome, np.ones(2000)), abs=2e-3)
    assert macro["y"].is_monotonic_increasing


def test_curves_are_thin():
    """At most 200 points a class, of a thousand classes fewer; and a perfect class needs but a corner."""
    many = roc(answered(5000, signal=0.5), CLASSES)
    perfect = roc(prepared(np.arange(90) % 3, np.eye(3)[np.arange(90) % 3]), list("abc"))
    wide = prepared(np.arange(3000) % 1000, np.random.default_rng(1).dirichlet(np.ones(1000), 3000))

    assert many.groupby("class").size().max() <= POINTS
    assert len(of(perfect, "a")) == 3
    assert len(roc(wide, [str(k) for k in range(1000)])) <= CELLS + POINTS


def test_a_class_without_images_has_no_curve():
    """Nor is there a mean where no class has one."""
    alone = prepared(np.zeros(3, int), np.array([[0.9, 0.1]] * 3))

    assert roc(alone, ["a", "b"]).empty
    assert list(roc(alone, ["a", "b"])) == ["class", "x", "y"]
    assert precision_recall(alone, ["a", "b"])["class"].unique().tolist() == ["a"]
    assert isinstance(roc(alone, ["a", "b"]), pd.DataFrame)
