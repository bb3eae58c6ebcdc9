"""Classes one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from stages.core.evaluating.intervals import f1_interval
from stages.core.evaluating.metrics import prepared, wilson
from stages.core.evaluating.per_class import per_class
from tests.core.evaluating.cases import answered

# Four images of classes 0, 0, 1, 2, of which the second and the fourth are taken for class 1.
TRUTH = [0, 0, 1, 2]
PROBABILITIES = [[0.7, 0.2, 0.1, 0.0], [0.1, 0.6, 0.3, 0.0], [0.0, 1.0, 0.0, 0.0], [0.2, 0.5, 0.3, 0.0]]


def test_by_hand():
    """Rows in class order; of a class without images or answers nothing is known, and no number is missing."""
    got = per_class(prepared(np.array(TRUTH), np.array(PROBABILITIES)), ["a", "b", "c", "d"], 0.95)

    assert got["n_images"].tolist() == [2, 1, 1, 0]
    assert got["precision"].tolist() == pytest.approx([1, 1 / 3, 0, 0])
    assert got["recall"].tolist() == [0.5, 1, 0, 0]
    assert got["f1"].tolist() == pytest.approx([2 / 3, 0.5, 0, 0])
    assert tuple(got.loc[0, ["recall_low", "recall_high"]]) == wilson(1, 2, 0.95)
    assert tuple(got.loc[1, ["precision_low", "precision_high"]]) == wilson(1, 3, 0.95)
    assert tuple(got.loc[0, ["f1_low", "f1_high"]]) == f1_interval(1, 2, 0.95)
    assert tuple(got.loc[3, ["recall_low", "recall_high"]]) == (0, 1)
    assert got.notna().all(axis=None)


@given(st.integers(0, 2**31))
def test_as_scikit_learn(seed):
    """Precision, recall, F1 and support are those of scikit-learn, each inside its interval."""
    outcome = answered(n_images=60, seed=seed, signal=1.0)
    got = per_class(outcome, list("abcd"), 0.95)
    other = precision_recall_fscore_support(outcome.truth, outcome.predicted, labels=range(4), zero_division=0)

    for name, expected in zip(("precision", "recall", "f1", "n_images"), other, strict=True):
        assert got[name].tolist() == pytest.approx(expected.tolist())
    for name in ("precision", "recall", "f1"):
        assert (got[f"{name}_low"] <= got[name] + 1e-9).all() and (got[name] <= got[f"{name}_high"] + 1e-9).all()
