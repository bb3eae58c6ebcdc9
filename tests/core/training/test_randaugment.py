"""RandAugment: every operation on uint8, by hand where a number says it, by property elsewhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.settings.augment_options import RandAugment
from stages.core.training import randaugment as r


def images(n=4, side=8, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, channels), dtype=np.uint8)


@pytest.mark.parametrize("name", r.CHANGES)
@given(st.floats(-1, 1), st.sampled_from([1, 3]), st.integers(1, 9))
def test_each_keeps_shape_and_type(name, strength, channels, side):
    """uint8 of the same shape at any strength, colour or grey, of any size; the image itself stays."""
    image = images(1, side, channels)[0]
    before = image.copy()

    got = r.CHANGES[name](image, strength)

    assert (got.dtype, got.reshape(image.shape).shape) == (np.uint8, image.shape)
    assert (image == before).all()


@pytest.mark.parametrize("name", sorted(set(r.CHANGES) - {"identity"}))
def test_each_changes_something_at_full_strength(name):
    """No operation is a silent identity."""
    image = images(1, 16)[0] // 2 + 20

    assert (r.CHANGES[name](image, 0.9) != image).any()


@pytest.mark.parametrize("name", sorted(set(r.CHANGES) - {"autocontrast", "equalize"}))
def test_each_does_nothing_at_no_strength(name):
    """What has a strength fades to nothing."""
    image = images(1, 9)[0]

    assert np.abs(r.CHANGES[name](image, 0.0).reshape(image.shape).astype(int) - image).max() <= 1


def test_by_hand():
    """Levels 50, 100, 150 of one channel."""
    image = np.array([50, 100, 150], np.uint8).reshape(1, 3, 1)

    def of(name, strength):
        return r.CHANGES[name](image, strength).ravel().tolist()

    assert of("autocontrast", 1) == [0, 127, 255]
    assert of("solarize", 0.5) == [50, 100, 105]
    assert of("posterize", 1.0) == [48, 96, 144]
    assert of("brightness", 1.0) == [95, 190, 255]
    assert of("contrast", -1.0) == [95, 100, 105]
    assert of("translate_x", 1.0) == [50, 50, 100]


@given(st.integers(1, 2**31), st.integers(1, 4), st.floats(0.1, 10))
def test_an_image_is_changed_alike_in_any_company(seed, operations, magnitude):
    """What happens to an image depends on its own draws."""
    batch, chosen = images(6), RandAugment(operations=operations, magnitude=magnitude)
    u = np.random.default_rng(seed).random((6, 2 * operations))

    whole = r.randaugmented(batch, u, chosen)

    assert (r.randaugmented(batch[[4, 1]], u[[4, 1]], chosen) == whole[[4, 1]]).all()
    assert (batch == images(6)).all()


def test_every_operation_is_drawn():
    """The first column of draws picks among all of the list evenly."""
    n = len(r.CHANGES)
    u = np.stack([(np.arange(n) + 0.5) / n, np.full(n, 0.9)], axis=1)
    batch = np.repeat(images(1, 16), n, 0)

    got = r.randaugmented(batch, u, RandAugment(operations=1, magnitude=9.0))

    assert len({image.tobytes() for image in got}) == n
