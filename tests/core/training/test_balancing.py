"""Remedies against class imbalance: the weights by hand, the repeated rows by property."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.images.packs import Pack
from stages.core.layout import PROJECT
from stages.core.settings.fit_options import Balance, Fit
from stages.core.settings.params import read_yaml
from stages.core.training.balancing import class_weights, epoch_rows, remedy
from stages.core.training.batches import TrainBatches

FIT = read_yaml(PROJECT / "params.yaml")["models"]["residual"]["fit"]


def balance(method):
    return Balance(method=method, beta=0.9, gamma=2.0)


def fit_with(method, **changes):
    return Fit.model_validate({**FIT, "balance": balance(method).model_dump(), **changes})


def test_class_weights_by_hand():
    """30 and 10 images: 1/n gives 2/3 and 2, of which the mean over the 40 images is 1."""
    assert class_weights(np.array([30, 10]), balance("class_weight")) == pytest.approx([2 / 3, 2])


def test_effective_number_by_hand():
    """beta 0.9: (1 - .9) / (1 - .9^n) is 0.1 / 0.19 for 2 images and 0.1 / 0.1 for 1."""
    raw = np.array([0.1 / 0.19, 1.0])
    assert class_weights(np.array([2, 1]), balance("effective_number")) == pytest.approx(raw * 3 / (2 * raw[0] + 1))


@given(
    st.lists(st.integers(0, 500), min_size=2, max_size=8).filter(any),
    st.sampled_from(["none", "class_weight", "effective_number", "oversample", "focal"]),
)
def test_weights_leave_the_size_of_the_loss_alone(counts, method):
    """Their mean over the train images is 1, a class without images weighs nothing, a rarer class never less."""
    counts = np.array(counts)
    weights = class_weights(counts, balance(method))

    assert (weights * counts).sum() == pytest.approx(counts.sum())
    assert (weights[counts == 0] == 0).all()
    present = np.argsort(counts, kind="stable")[(counts == 0).sum() :]
    assert (np.diff(weights[present]) <= 1e-9).all()


@given(st.lists(st.integers(0, 4), min_size=1, max_size=60))
def test_oversampling_shows_every_class_as_often_as_the_largest(labels):
    """No image is left out, and within a class none is shown two times more than another."""
    labels = np.array(labels)
    rows = epoch_rows(labels, balance("oversample"))

    assert len(set(np.bincount(labels[rows])[np.unique(labels)])) == 1
    assert set(rows) == set(range(len(labels)))
    for label in np.unique(labels):
        times = np.bincount(rows, minlength=len(labels))[labels == label]
        assert times.max() - times.min() <= 1


def test_batches_carry_weights_only_where_a_remedy_weighs():
    """Without one the batches are what they were: image and label."""
    pack = Pack(np.zeros((6, 4, 4, 1), np.uint8), np.array([0, 0, 0, 0, 0, 1]), list("abcdef"))

    assert len(TrainBatches(pack, 2, fit_with("none"))[0]) == 2
    images, one_hot, weights = TrainBatches(pack, 2, fit_with("class_weight", batch_size=6))[0]
    assert images.shape == (6, 4, 4, 1)
    assert weights[one_hot[:, 1] == 1] == pytest.approx([3.0])
    assert len(TrainBatches(pack, 2, fit_with("oversample", batch_size=4))) == 3


def test_the_record_says_what_the_remedy_changed():
    """Per class: images, images an epoch, weight."""
    found = remedy(np.array([0, 0, 0, 1]), ["cat", "dog"], fit_with("oversample").balance)

    assert found["classes"]["dog"] == {"n_images": 1, "n_an_epoch": 3, "weight": 1.0}


@pytest.mark.parametrize(("method", "missing"), [("focal", "gamma"), ("effective_number", "beta")])
def test_a_method_without_its_number_is_refused(method, missing):
    """At the start, not in the first epoch."""
    with pytest.raises(ValueError, match=missing):
        Balance(method=method, beta=None, gamma=None)
