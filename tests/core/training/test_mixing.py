"""Mixup and cutmix: labels stay a distribution, pixels stay between those of the two images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.settings.augment_options import Augment
from stages.core.training import mixing as m

OFF = {
    "flip": "none", "shift": 0.0, "rotation": 0.0, "zoom": 0.0, "brightness": 0.0, "contrast": 0.0, "cutout": 0.0,
    "randaugment": None, "mixup": 0.0, "cutmix": 0.0,
}  # fmt: skip
alphas = st.sampled_from([{"mixup": 0.2}, {"cutmix": 1.0}, {"mixup": 1.0, "cutmix": 0.5}])


def option(**values):
    return Augment(**{**OFF, **values})


def batch(n, seed=0, weighted=False):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (n, 6, 7, 3), dtype=np.uint8)
    labels = np.eye(4, dtype=np.float32)[rng.integers(0, 4, n)]
    return (images, labels, rng.random(n).astype(np.float32)) if weighted else (images, labels)


@given(alphas, st.integers(1, 9), st.integers(0, 2**31), st.booleans())
def test_what_comes_out(alpha, n, seed, weighted):
    """uint8 and float32 of the same shapes; labels sum to 1; the batch handed in stays; the same again."""
    given_in = batch(n, seed, weighted)
    before = [part.copy() for part in given_in]

    got = m.mixed(given_in, option(**alpha), np.random.default_rng(seed))
    again = m.mixed(given_in, option(**alpha), np.random.default_rng(seed))

    assert [(part.shape, part.dtype) for part in got] == [(part.shape, part.dtype) for part in before]
    np.testing.assert_allclose(got[1].sum(axis=1), 1, rtol=1e-5)
    assert (got[1] >= 0).all()
    assert all((part == old).all() for part, old in zip(given_in, before, strict=True))
    assert all((one == other).all() for one, other in zip(got, again, strict=True))


def test_nothing_asked_for_changes_nothing():
    """The very batch comes back."""
    given_in = batch(3)

    assert m.mixed(given_in, option(), np.random.default_rng(1)) is given_in


def test_a_fade_by_hand():
    """A quarter of 200 and three quarters of 100 are 125."""
    images = np.array([200, 100], np.uint8).reshape(2, 1, 1, 1)

    assert m.faded(images, np.array([1, 0]), np.array([0.25, 1.0], np.float32)).ravel().tolist() == [125, 100]


def test_a_box_by_hand():
    """A share of 3/4 in 8 x 8 leaves a box of 4 x 4; at the corner a quarter of it is inside."""
    boxes = m.boxes_of((2, 8, 8, 3), np.array([0.75, 0.75]), np.array([[0.5, 0.5], [0.0, 0.0]]))

    assert boxes.tolist() == [[2, 6, 2, 6], [0, 2, 0, 2]]
    images = np.zeros((2, 8, 8, 3), np.uint8)
    left = m.pasted(images, images + 9, boxes, np.array([True, True]))
    assert left.tolist() == [0.75, 0.9375]
    assert (images == 9).sum(axis=(1, 2, 3)).tolist() == [48, 12]


@pytest.mark.parametrize("alpha", [{"mixup": 1.0}, {"cutmix": 1.0}])
def test_a_label_is_shared_as_the_pixels_are(alpha):
    """Black is class 0, white class 1: the mean level of an image is the share of class 1 in its label."""
    images = np.repeat(np.array([0, 255], np.uint8), 20)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)
    labels = np.repeat(np.eye(2, dtype=np.float32), 20, axis=0)

    mixed, shares = m.mixed((images, labels), option(**alpha), np.random.default_rng(3))

    np.testing.assert_allclose(mixed.mean(axis=(1, 2, 3)) / 255, shares[:, 1], atol=0.003)
    assert 5 < ((shares[:, 1] > 0.01) & (shares[:, 1] < 0.99)).sum() < 36


def test_both_are_used_where_both_are_on():
    """Some images are faded, some hold a box."""
    images = np.repeat(np.array([0, 255], np.uint8), 30)[:, None, None, None] * np.ones((1, 8, 8, 3), np.uint8)
    labels = np.repeat(np.eye(2, dtype=np.float32), 30, axis=0)

    mixed, _ = m.mixed((images, labels), option(mixup=1.0, cutmix=1.0), np.random.default_rng(3))

    levels = [len(np.unique(image)) for image in mixed]
    assert levels.count(2) > 5
    assert sum(0 < image.min() == image.max() < 255 for image in mixed) > 5
