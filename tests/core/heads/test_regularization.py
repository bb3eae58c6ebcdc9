"""C by cross-validation: by hand where the best is plain, and what may change nothing."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.core.combine import combining
from stages.core.heads import heads
from stages.core.heads.head_making import make_head
from stages.core.heads.regularization import LabeledRows, checked_folds, choose_c, grouped_folds
from stages.core.images.packs import Pack, Statistics
from stages.core.settings.combine_options import Stack
from stages.core.settings.entries import entry
from stages.core.settings.head_options import CrossValidatedC, LogisticRegression, Svm
from stages.core.training.data import Data

GRID = {"choices": [1e-6, 1.0, 100.0], "folds": 4, "seed": 1}
LOGISTIC = LogisticRegression(name="logistic_regression", c=CrossValidatedC(**GRID), iterations=300)
RECORD = {"name": "tried", "key": "k", "params": {}}


def unfitted(options):
    return heads.unfitted(options, None, False, 1)


def noisy(n, seed, n_classes=3):
    """Rows of classes that overlap, each row alone."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % n_classes
    numbers = (np.eye(6)[labels] + rng.normal(0, 0.7, (n, 6))).astype(np.float32)
    return LabeledRows(numbers, labels, np.arange(n))


def pack(n, seed):
    rows = noisy(n, seed)
    images = np.clip(rows.numbers * 40 + 100, 0, 255).astype(np.uint8).reshape(n, 2, 3, 1)
    return Pack(images, rows.labels, [f"{seed}-{i}.png" for i in range(n)])


def written(**changes):
    """An entry of params.yaml whose C is to be chosen."""
    method = {"name": "logistic_regression", "c": GRID, "iterations": 300}
    fit = {"seeds": [1], "on": "train", "balance": "none"} | changes.pop("fit", {})
    base = {"kind": "classical", "input": "images", "method": method, "pca": None, "max_train_images": None}
    return entry("models", "tried", {**base, **changes, "fit": fit})


@pytest.fixture(scope="module")
def data():
    return Data(pack(90, 1), pack(30, 2), pack(30, 3), ["cat", "dog", "eel"], Statistics([90.0], [3000.0]))


def test_the_best_of_two_by_hand():
    """12 rows at -1 and 4 at 1: next to no slope answers the larger class (12 of 16 right), C = 1 gets all right."""
    numbers = np.array([[-1.0]] * 12 + [[1.0]] * 4, np.float32)
    rows = LabeledRows(numbers, np.array([0] * 12 + [1] * 4), np.arange(16))
    options = LOGISTIC.model_copy(update={"c": CrossValidatedC(choices=[1.0, 1e-6], folds=4, seed=1)})

    settled, record = choose_c(options, unfitted, rows, False, 1)
    _, balanced = choose_c(options, unfitted, rows, True, 1)

    assert settled.c == 1.0
    assert record == {"c": 1.0, "measure": "accuracy", "scores": {"1e-06": 0.75, "1": 1.0}, "n_images": 16}
    assert balanced["scores"] == {"1e-06": 0.5, "1": 1.0} and balanced["measure"] == "balanced_accuracy"


def test_of_equals_the_strongest_regularization_is_taken():
    """Classes that any C tells apart: the smallest, in whatever order the choices stand."""
    numbers = np.repeat([[-1.0], [1.0]], 8, axis=0).astype(np.float32)
    rows = LabeledRows(numbers, np.repeat([0, 1], 8), np.arange(16))
    for choices in ([100.0, 0.1, 1.0], [0.1, 1.0, 100.0]):
        options = LOGISTIC.model_copy(update={"c": CrossValidatedC(choices=choices, folds=4, seed=1)})
        assert choose_c(options, unfitted, rows, False, 1)[0].c == 0.1


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.permutations(range(3)), st.booleans())
def test_order_of_rows_and_numbers_of_classes_and_groups_change_nothing(seed, names, grouped):
    """The same rows shuffled, their classes and groups called otherwise: the same C and scores."""
    rows = noisy(36, seed % 7)
    rows = replace(rows, groups=np.arange(36) // 2 if grouped else rows.groups)
    order = np.random.default_rng(seed).permutation(36)
    other = LabeledRows(rows.numbers[order], np.array(names)[rows.labels[order]], 99 - rows.groups[order])

    assert choose_c(LOGISTIC, unfitted, rows, False, 1)[1] == choose_c(LOGISTIC, unfitted, other, False, 1)[1]


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 4), st.integers(0, 1000))
def test_no_group_is_divided(n, seed):
    """Each row is judged once, and never by a head that has seen one of its group."""
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 20, 80)
    labels = groups % 2
    judged_rows = []
    for fitted, judged in grouped_folds(labels, groups, n, seed):
        assert not set(groups[fitted]) & set(groups[judged])
        judged_rows.extend(judged)

    assert sorted(judged_rows) == list(range(80))


def test_copies_in_one_group_do_not_vote_for_overfitting():
    """Pure noise, each row four times: copies kept together it is chance, divided it would look learned."""
    rng = np.random.default_rng(1)
    numbers = np.repeat(rng.normal(size=(40, 30)), 4, axis=0).astype(np.float32)
    labels, groups = np.repeat(np.arange(40) % 2, 4), np.repeat(np.arange(40), 4)
    svm = Svm(name="svm", kernel="rbf", c=CrossValidatedC(**GRID), gamma=None, calibration_folds=3)

    together = choose_c(svm, unfitted, LabeledRows(numbers, labels, groups), False, 1)[1]["scores"]
    divided = choose_c(svm, unfitted, LabeledRows(numbers, labels, np.arange(160)), False, 1)[1]["scores"]

    assert max(together.values()) < 0.75 and divided["100"] > 0.95


def test_too_few_images_or_groups_are_a_sentence():
    """Three groups of a class for four folds."""
    rows = replace(noisy(24, 1), groups=np.arange(24) % 9)  # the classes' groups are 0 3 6, 1 4 7, 2 5 8
    with pytest.raises(ValueError, match="one class has 3; lower c"):
        checked_folds(rows, 4, 1)


def test_the_candidate_says_what_was_chosen_and_repeats(data, tmp_path):
    """candidate.json has the C and the scores; the same bytes twice; the head is that of the number written plainly."""
    one, _ = make_head(tmp_path / "one", written(), RECORD, data, 1)
    make_head(tmp_path / "two", written(), RECORD, data, 1)
    about = one.record["regularization"]
    plain = {"name": "logistic_regression", "c": about["c"], "iterations": 300}
    three, _ = make_head(tmp_path / "three", written(method=plain), RECORD, data, 1)

    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert all((tmp_path / "one" / n).read_bytes() == (tmp_path / "two" / n).read_bytes() for n in names)
    assert set(about["scores"]) == {"1e-06", "1", "100"} and about["n_images"] == 90
    assert max(about["scores"].values()) == about["scores"][f"{about['c']:g}"]
    assert (tmp_path / "one/head.skops").read_bytes() == (tmp_path / "three/head.skops").read_bytes()
    assert "regularization" not in three.record


def test_only_train_chooses(data, tmp_path):
    """Other validation and test images change neither choice nor head; nor does a last fit on both choose anew."""
    other = replace(data, val=pack(30, 7), test=pack(30, 8))
    one, two = (make_head(tmp_path / n, written(), RECORD, d, 1)[0] for n, d in (("one", data), ("two", other)))
    last, _ = make_head(tmp_path / "last", written(fit={"on": "train+val"}), RECORD, data, 1)

    assert one.record["regularization"] == two.record["regularization"] == last.record["regularization"]
    assert (tmp_path / "one/head.skops").read_bytes() == (tmp_path / "two/head.skops").read_bytes()


def test_too_few_images_are_a_candidate_that_says_so(data, tmp_path):
    """Three images of a class cannot be divided into four folds: failed, with the reason."""
    made, _ = make_head(tmp_path / "few", written(max_train_images=9), RECORD, data, 1)

    assert "c can't be chosen so: c.folds = 4" in made.failure


def test_a_stack_chooses_within_the_rows_of_each_fold(monkeypatch):
    """The C of the head that answers a held-out image is chosen without that image; the deployed one's, with all."""
    rows, seen = noisy(48, 3), []

    def watched(options, make_head, own, *rest):
        seen.append(set(own.groups))
        return choose_c(options, make_head, own, *rest)

    monkeypatch.setattr(combining, "choose_c", watched)
    stack = Stack(method="stack", members=["a"], on="probabilities", head=LOGISTIC, folds=4, seed=1)
    validation = combining.Validation(rows.labels, rows.groups)
    made = combining.stacked(rows.numbers, validation, stack, 1)

    expected = [set(fitted) for fitted, _ in combining.folds(validation, 4, 1)]
    assert seen == [*expected, set(range(48))]
    assert made.about["regularization"]["c"] == made.head["classify"].C
