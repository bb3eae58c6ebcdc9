"""Measures: by hand where the arithmetic fits a line, else against scikit-learn."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from stages.core.evaluating import metrics as m
from stages.core.evaluating.intervals import measured
from tests.core.evaluating.cases import OPTIONS


@st.composite
def predictions(draw, min_classes=2):
    """Labels int [N] and probabilities [N, K] with steps of 1/20, so that ties are common."""
    n_classes, n_images = draw(st.integers(min_classes, 5)), draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    parts = rng.multinomial(20, rng.dirichlet(np.ones(n_classes)), n_images)
    return rng.integers(0, n_classes, n_images), parts / 20


def of(truth, probabilities, options=OPTIONS, weight=None):
    outcome = m.prepared(np.array(truth), np.array(probabilities, float))
    return m.measures(outcome, np.ones(len(truth)) if weight is None else np.array(weight, float), options)


# Four images of classes 0, 0, 1, 2, of which the second and the fourth are taken for class 1.
TRUTH = [0, 0, 1, 2]
PROBABILITIES = [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.0, 1.0, 0.0], [0.2, 0.5, 0.3]]


def test_accuracy_counts_the_right_ones():
    """Two of four are right; within the best two classes, three of four."""
    got = of(TRUTH, PROBABILITIES)

    assert (got["accuracy"], got["top2_accuracy"]) == (0.5, 0.75)


def test_averages_by_hand():
    """Precision 1, 1/3, 0; recall 1/2, 1, 0; F1 2/3, 1/2, 0; supports 2, 1, 1."""
    got = of(TRUTH, PROBABILITIES)

    assert got["macro_precision"] == pytest.approx((1 + 1 / 3) / 3)
    assert got["macro_recall"] == got["balanced_accuracy"] == pytest.approx((1 / 2 + 1) / 3)
    assert got["macro_f1"] == pytest.approx((2 / 3 + 1 / 2) / 3)
    assert got["weighted_precision"] == pytest.approx((2 * 1 + 1 / 3) / 4)
    assert got["weighted_recall"] == pytest.approx(0.5)
    assert got["weighted_f1"] == pytest.approx((2 * 2 / 3 + 1 / 2) / 4)


def test_log_loss_by_hand():
    """The mean of -log of what the true class got."""
    assert of(TRUTH, PROBABILITIES)["log_loss"] == pytest.approx(-math.log(0.7 * 0.1 * 1.0 * 0.3) / 4)


def test_log_loss_of_the_impossible_is_finite():
    """A true class with probability 0 costs -log 1e-15, not infinity."""
    assert of([1], [[1.0, 0.0]])["log_loss"] == pytest.approx(-math.log(1e-15))


def test_calibration_error_by_hand():
    """Four bins of ten hold one image each: misses at 0.5 and 0.6, hits at 0.7 and 1."""
    assert of(TRUTH, PROBABILITIES)["ece"] == pytest.approx((0.6 + 0.3 + 0.5 + 0.0) / 4)


def test_calibration_error_balances_within_a_bin():
    """A hit and a miss at confidence 0.5 and 0.52 share a bin: accuracy 0.5 against 0.51."""
    got = of([0, 1], [[0.5, 0.5], [0.52, 0.48]])

    assert got["ece"] == pytest.approx(0.01)


def test_auc_counts_ties_half():
    """Scores 0.8 and 0.5 of the class, 0.5 and 0.2 of the rest: three pairs won, one tied, of four."""
    got = of([1, 1, 0, 0], [[0.2, 0.8], [0.5, 0.5], [0.5, 0.5], [0.8, 0.2]])

    assert got["roc_auc"] == pytest.approx(3.5 / 4)


def test_auc_of_equal_scores_is_a_half():
    """A model that says the same of all images ranks nothing."""
    assert of([0, 1, 1], [[0.5, 0.5]] * 3)["roc_auc"] == 0.5


def test_auc_of_one_class_is_undefined():
    """With one class present there is no pair to rank; the measure is then left out."""
    outcome = m.prepared(np.array([0, 0]), np.array([[0.6, 0.4], [0.7, 0.3]]))

    assert math.isnan(m.roc_auc(outcome, np.ones(2)))
    assert "roc_auc" not in measured(outcome, OPTIONS)


def test_a_class_without_images_is_left_out_of_macro_averages():
    """Two of three classes are present and all right: every average is 1, not 2/3."""
    got = of([0, 1], [[0.9, 0.1, 0.0], [0.1, 0.9, 0.0]])

    assert [got[f"macro_{name}"] for name in ("precision", "recall", "f1")] == [1.0, 1.0, 1.0]


def test_ties_at_the_border_of_top_k_count_as_hits():
    """Three classes share 0.3 above the true one's 0.1: no hit at 3; among four equals: a hit at 1."""
    outcome = m.prepared(np.array([3, 3]), np.array([[0.3, 0.3, 0.3, 0.1], [0.25] * 4]))

    assert m.in_top_k(outcome, 3).tolist() == [False, True]
    assert m.in_top_k(outcome, 1).tolist() == [False, True]
    assert m.in_top_k(outcome, 4).tolist() == [True, True]


@given(predictions(), st.integers(1, 6))
def test_top_k_never_falls_with_k(case, k):
    """A hit among k classes is a hit among k + 1; all K classes hold every image."""
    outcome = m.prepared(*case)

    assert not (m.in_top_k(outcome, k) & ~m.in_top_k(outcome, k + 1)).any()
    assert m.in_top_k(outcome, outcome.probabilities.shape[1]).all()


@given(predictions())
def test_averages_are_those_of_scikit_learn(case):
    """Precision, recall and F1, macro over the classes present and weighted."""
    truth, probabilities = case
    got, predicted = of(truth, probabilities), probabilities.argmax(axis=1)

    for how in ("macro", "weighted"):
        known = sk.precision_recall_fscore_support(
            truth, predicted, labels=np.unique(truth), average=how, zero_division=0
        )
        assert [got[f"{how}_{name}"] for name in ("precision", "recall", "f1")] == pytest.approx(known[:3])
    assert got["accuracy"] == pytest.approx(sk.accuracy_score(truth, predicted))


@given(predictions())
def test_confusion_matrix_is_that_of_scikit_learn(case):
    """Rows are true classes, columns predicted ones, whether or not a class occurs."""
    truth, probabilities = case
    n_classes = probabilities.shape[1]
    known = sk.confusion_matrix(truth, probabilities.argmax(axis=1), labels=range(n_classes))

    assert (m.confusion_matrix(m.prepared(truth, probabilities)) == known).all()


@given(predictions())
def test_auc_is_that_of_scikit_learn(case):
    """One class against the rest, averaged over those that can be ranked, ties included."""
    truth, probabilities = case
    rankable = [k for k in range(probabilities.shape[1]) if 0 < (truth == k).sum() < len(truth)]
    known = [sk.roc_auc_score(truth == k, probabilities[:, k]) for k in rankable]

    assert of(truth, probabilities)["roc_auc"] == pytest.approx(np.mean(known) if known else math.nan, nan_ok=True)


@given(predictions(), st.integers(0, 2**32 - 1))
def test_log_loss_is_that_of_scikit_learn(case, seed):
    """Of probabilities above 0, where the two cut off alike, with weights."""
    truth, probabilities = case[0], (case[1] + 0.01) / (case[1] + 0.01).sum(axis=1, keepdims=True)
    weight = np.random.default_rng(seed).integers(1, 4, len(truth))
    known = sk.log_loss(truth, probabilities, labels=range(probabilities.shape[1]), sample_weight=weight)

    assert of(truth, probabilities, weight=weight)["log_loss"] == pytest.approx(known)


@given(predictions(min_classes=3), st.integers(0, 2**32 - 1))
def test_a_weight_of_two_is_the_image_twice(case, seed):
    """Weights count images, in every measure: what the bootstrap rests on."""
    truth, probabilities = case
    weight = np.random.default_rng(seed).integers(0, 3, len(truth))
    weight[0] = 1
    repeated = np.repeat(np.arange(len(truth)), weight)

    got, known = of(truth, probabilities, weight=weight), of(truth[repeated], probabilities[repeated])

    assert got == pytest.approx(known, nan_ok=True)


@pytest.mark.parametrize(
    ("n_hits", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_published_intervals(n_hits, n, low, high):
    """The four examples of Newcombe 1998, Statistics in Medicine 17, table I, method 3."""
    assert m.wilson(n_hits, n, 0.95) == pytest.approx((low, high), abs=5e-5)


def test_wilson_by_hand():
    """5 of 10 at z = 1.96: 0.5 -+ z / (1 + z2/10) * sqrt(0.025 + z2/400)."""
    z = 1.959964
    half = z / (1 + z * z / 10) * math.sqrt(0.025 + z * z / 400)

    assert m.wilson(5, 10, 0.95) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-6)


@given(st.integers(1, 500), st.floats(0, 1), st.floats(0.5, 0.999))
def test_wilson_holds_the_share_and_stays_a_proportion(n, share, confidence):
    """0 <= low <= share <= high <= 1, also for none and for all."""
    n_hits = round(share * n)
    low, high = m.wilson(n_hits, n, confidence)

    assert 0 <= low <= n_hits / n + 1e-12
    assert n_hits / n - 1e-12 <= high <= 1


def example(n_images=300, n_classes=4, seed=3):
    """Return the outcomes of a model that is mostly right."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n_images)
    scores = rng.normal(size=(n_images, n_classes)) + 2 * np.eye(n_classes)[truth]
    return m.prepared(truth, np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True))


def test_confusions_are_the_commonest_first():
    """2 of 2 c are taken for a, 2 of 3 a for b, 1 b for c; hits are no confusions and the list is cut."""
    truth, predicted = [0, 0, 0, 1, 1, 2, 2], [1, 1, 0, 2, 1, 0, 0]
    outcome = m.prepared(np.array(truth), np.eye(3)[predicted])

    got = m.confusions(outcome, ["a", "b", "c"], 2)

    assert got.to_dict("records") == [
        {"true": "c", "predicted": "a", "n_images": 2, "share": 1.0},
        {"true": "a", "predicted": "b", "n_images": 2, "share": pytest.approx(2 / 3)},
    ]
    assert len(m.confusions(outcome, ["a", "b", "c"], 9)) == 3


def test_no_mistakes_give_an_empty_table():
    """A perfect model has no confusions, in a table with the same columns."""
    got = m.confusions(m.prepared(np.array([0, 1]), np.eye(2)), ["a", "b"], 5)

    assert got.empty
    assert list(got.columns) == ["true", "predicted", "n_images", "share"]


def test_outcomes_takes_one_split_and_keeps_the_class_order():
    """Ids follow the order of the p. columns, not the alphabet; rows of other splits are left out."""
    table = pd.DataFrame(
        {
            "split": ["val", "test", "val"],
            "label": ["z", "z", "a"],
            "p.z": [0.9, 0.5, 0.2],
            "p.a": [0.1, 0.5, 0.8],
        }
    )

    got = m.outcomes(table, "val")

    assert m.classes_of(table) == ["z", "a"]
    assert got.truth.tolist() == [0, 1]
    assert got.probabilities.tolist() == [[0.9, 0.1], [0.2, 0.8]]
