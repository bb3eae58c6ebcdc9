"""Candidates that answer together: weights, stacks and soups, by hand and by property."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.combine.combining import Validation, average, folds, mixture_weights, stacked, weighted
from stages.core.combine.soup import architecture, greedy, mean_weights, soup
from stages.core.errors import UserError
from stages.core.evaluating.log_loss import log_loss
from stages.core.settings.combine_options import Stack, Weighted, check_members
from stages.core.settings.head_options import LogisticRegression
from stages.core.training.data import TrainingFailed

HEAD = LogisticRegression(name="logistic_regression", c=1.0, iterations=300)


def answers(n_members, n_images, seed, n_classes=3):
    """Random probabilities float32 [M, N, K] and labels that the first member knows best."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n_images) % n_classes
    said = rng.dirichlet([1.0] * n_classes, (n_members, n_images))
    said[0] = (said[0] + 2 * np.eye(n_classes)[labels]) / 3
    return said.astype(np.float32), labels


def alone(labels):
    return Validation(labels, np.arange(len(labels)))


def test_weights_by_hand():
    """Of two members, one gives the truth 0.8, 0.8, 0.2, the other always 0.5: the best weights are 5/9 and 4/9."""
    at_truth = np.array([[0.8, 0.8, 0.2], [0.5, 0.5, 0.5]])
    said = np.stack([at_truth, 1 - at_truth], axis=2)  # class 0 is always the truth

    found = mixture_weights(said, np.zeros(3, int))

    # d/dw of 2 log(0.5 + 0.3 w) + log(0.5 - 0.3 w): 0.6 (0.5 - 0.3 w) = 0.3 (0.5 + 0.3 w), so w = 0.15 / 0.27
    np.testing.assert_allclose(found, [5 / 9, 4 / 9], atol=1e-6)


def test_a_member_that_is_always_surer_of_the_truth_gets_all():
    """0.9 against 0.6 on every image: no mixture is better than the first alone."""
    said = np.stack([[[0.9, 0.1]] * 4, [[0.6, 0.4]] * 4])

    np.testing.assert_allclose(mixture_weights(said, np.zeros(4, int)), [1, 0], atol=1e-6)


@given(st.integers(1, 5), st.integers(6, 40), st.integers(0, 1000))
def test_weights_are_a_mixture_no_worse_than_any_member_or_the_mean(n_members, n_images, seed):
    """At least 0, 1 together; their log loss is at most that of the plain average and of each member."""
    said, labels = answers(n_members, n_images, seed)
    weights = mixture_weights(said, labels)
    mixed = np.einsum("m,mnk->nk", weights, said)

    assert (weights >= 0).all() and weights.sum() == pytest.approx(1)
    for other in [said.mean(axis=0), *said]:
        assert log_loss(mixed, labels) <= log_loss(other, labels) + 1e-6


@given(st.permutations(range(4)), st.integers(0, 1000))
def test_the_order_of_members_does_not_matter(order, seed):
    """Weights go with their members."""
    said, labels = answers(4, 30, seed)

    np.testing.assert_allclose(mixture_weights(said[order], labels), mixture_weights(said, labels)[order], atol=1e-7)


def test_an_average_of_equal_members_is_the_member():
    """Three times the same answers are those answers, weighted or not."""
    one, labels = answers(1, 30, 1)
    said = np.concatenate([one] * 3)
    options = Weighted(method="weighted", members=["a", "b", "c"], folds=3, seed=1)

    np.testing.assert_allclose(average(said).held_out, one[0], atol=1e-7)
    np.testing.assert_allclose(weighted(said, alone(labels), options).held_out, one[0], atol=1e-7)


def test_each_image_is_judged_by_weights_that_have_not_seen_it():
    """Out of fold, by hand: the weights of the other folds; what is deployed has the weights of all."""
    said, labels = answers(3, 30, 1)
    made = weighted(said, alone(labels), Weighted(method="weighted", members=["a", "b", "c"], folds=3, seed=1))

    for fitted, judged in folds(alone(labels), 3, 1):
        own = mixture_weights(said[:, fitted], labels[fitted])
        np.testing.assert_allclose(made.held_out[judged], np.einsum("m,mnk->nk", own, said[:, judged]), atol=1e-6)
    np.testing.assert_allclose(made.weights, mixture_weights(said, labels))


@given(st.integers(2, 5), st.integers(1, 100))
def test_folds_judge_each_image_once_and_divide_no_unit(n, seed):
    """Near copies are on one side."""
    labels = np.repeat(np.arange(3), 20)
    units = np.repeat(np.arange(20), 3)
    found = list(folds(Validation(labels, units), n, seed))

    assert sorted(np.concatenate([judged for _, judged in found])) == list(range(60))
    assert all(not set(units[fitted]) & set(units[judged]) for fitted, judged in found)


def test_a_stack_learns_whom_to_believe_and_repeats():
    """One member knows, one talks at random: the head does better out of fold than their mean; twice it is the same."""
    said, labels = answers(2, 90, 1)
    rows = np.concatenate(list(said), axis=1)
    options = Stack(method="stack", members=["a", "b"], on="probabilities", head=HEAD, folds=3, seed=1)
    one, two = (stacked(rows, alone(labels), options, 1) for _ in range(2))

    assert log_loss(one.held_out, labels) < log_loss(said.mean(axis=0), labels)
    np.testing.assert_array_equal(one.held_out, two.held_out)
    assert one.held_out.dtype == np.float32


def test_too_small_a_class_is_a_failure_that_says_so():
    """Two images of a class can't be in three folds."""
    said, _ = answers(1, 8, 1)
    options = Stack(method="stack", members=["a"], on="probabilities", head=HEAD, folds=3, seed=1)

    with pytest.raises(TrainingFailed, match="folds = 3 needs as many"):
        stacked(said[0], alone(np.array([0, 0, 0, 1, 1, 1, 2, 2])), options, 1)


@pytest.mark.parametrize(
    ("where", "members", "message"),
    [
        ("combine.mean", ["plian"], "members names no candidate: 'plian'; did you mean plain?"),
        ("combine.mean", ["whole"], "whole is fitted on train+val"),
        ("combine.a-b", ["plain"], "a name is letters, digits and _"),
    ],
)
def test_a_wrong_member_is_a_sentence(where, members, message):
    """Unknown, fitted on validation, and a name that DVC can't take."""
    options = Weighted(method="weighted", members=members, folds=3, seed=1)

    with pytest.raises(UserError, match=message.replace("+", r"\+")):
        check_members(where, options, ["plain", "whole"], {"whole"})


def network(seed, units=4, dropout=0.5):
    """A small network with batch norm and dropout."""
    import keras

    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((4, 4, 1), dtype="uint8")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(units, 3)(x))
    x = keras.layers.Dropout(dropout)(keras.layers.Flatten()(x))
    return keras.Model(inputs, keras.layers.Dense(3, "softmax")(x))


IMAGES = np.random.default_rng(1).integers(0, 256, (600, 4, 4, 1)).astype(np.uint8)


@pytest.mark.slow
def test_a_soup_of_one_is_itself():
    """The same weights, statistics of batch norm too."""
    one = network(1)
    made = soup([one], IMAGES, 1, lambda: network(1))

    assert all(np.array_equal(a, b) for a, b in zip(one.get_weights(), made.get_weights(), strict=True))


@pytest.mark.slow
def test_a_soup_is_the_mean_with_statistics_of_its_own():
    """Kernels by hand; batch norm's mean and variance are those of its own convolution's output, averaged by batch."""
    one, two = network(1), network(2)
    made = soup([one, two], IMAGES, 1, lambda: network(3))
    kernel = (one.layers[2].get_weights()[0] + two.layers[2].get_weights()[0]) / 2
    seen = np.asarray(made.layers[2](IMAGES / np.float32(255)))

    np.testing.assert_allclose(made.layers[2].get_weights()[0], kernel, atol=1e-7)
    np.testing.assert_allclose(made.layers[3].get_weights()[2], seen.mean(axis=(0, 1, 2)), atol=0.01)
    np.testing.assert_allclose(made.layers[3].get_weights()[3], seen.var(axis=(0, 1, 2)), rtol=0.05)
    assert made.layers[3].momentum == 0.99 and made.layers[5].rate == 0.5


@pytest.mark.slow
def test_only_equal_architectures_make_a_soup():
    """Another seed or dropout is the same network, another width is not."""
    assert architecture(network(1)) == architecture(network(2, dropout=0.2))
    assert architecture(network(1)) != architecture(network(1, units=5))


@pytest.mark.slow
def test_a_mean_of_equal_weights_is_the_weights():
    """Bit for bit, three times the same."""
    one = network(1)

    assert all(np.array_equal(a, b) for a, b in zip(mean_weights([one] * 3), one.get_weights(), strict=True))


def test_greedy_keeps_what_helps():
    """Scores of sets by hand: the second hurts, the third helps."""
    scores = {("a",): 0.8, ("a", "b"): 0.7, ("a", "c"): 0.9}

    assert greedy(["a", "b", "c"], lambda chosen: scores[tuple(chosen)]) == [0, 2]
