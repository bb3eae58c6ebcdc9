"""Damaged images, and what is left of a model's accuracy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.evaluating.corruptions import KINDS, SEVERITIES, corrupted
from stages.core.evaluating.metrics import wilson
from stages.core.evaluating.robustness import as_text, robustness
from stages.core.evaluating.weather import plasma
from stages.core.images.packs import Pack

# Kinds of which the published strengths themselves don't grow: they trade one way of damage for another.
UNEVEN = {"motion blur", "pixelate", "defocus blur", "glass blur", "elastic"}


def images(n=6, side=32, channels=3):
    """Squares of different light on grey."""
    found = np.full((n, side, side, channels), 90, np.uint8)
    for index in range(n):
        found[index, 8 : 20 + index, 6:22] = 120 + 20 * index
    return found


def scenes(n=8, side=32, channels=3):
    """Pictures with as much detail at every scale as nature has: a random height map, coloured."""
    rng = np.random.default_rng(3)
    light = np.stack([plasma(n, side, 1.4, rng) for _ in range(channels)], axis=-1)
    return (light * 255).astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_damage_grows_and_repeats(kind, channels):
    """The same bytes for the same seed, others for another where it is drawn, and further from the image each time."""
    clean = scenes(channels=channels)
    damaged = [corrupted(clean, kind, severity, 1) for severity in range(1, SEVERITIES + 1)]
    far = [np.abs(one.astype(float) - clean).mean() for one in damaged]

    assert (damaged[0] == corrupted(clean, kind, 1, 1)).all()
    assert far[0] > 0
    assert far == sorted(far) or kind in UNEVEN


@given(st.sampled_from(list(KINDS)), st.integers(1, SEVERITIES), st.integers(8, 40), st.integers(8, 40))
def test_every_size_bears_every_damage(kind, severity, height, width):
    """uint8 of the same shape, oblong ones too, in colour and in grey."""
    for channels in (1, 3):
        clean = np.random.default_rng(1).integers(0, 256, (2, height, width, channels), np.uint8)
        found = corrupted(clean, kind, severity, 1)

        assert found.dtype == np.uint8 and found.shape == clean.shape


def test_weather_by_hand():
    """Fog of light 1 on a grey g: nowhere brighter than g, where there is no cloud g * g / (g + 1); snow adds light."""
    grey = np.full((3, 32, 32, 3), 100, np.uint8)
    foggy, snowy = (corrupted(grey, kind, 4, 1).astype(int) for kind in ("fog", "snow"))

    assert foggy.max() <= 100 and foggy.min() == pytest.approx(100 * 100 / (100 + 255), abs=1)
    assert snowy.min() >= 100
    assert not (foggy[0] == foggy[1]).all() and not (snowy[0] == snowy[1]).all()


def test_clouds_are_smoother_with_more_decay():
    """From 0 to 1, at least as large as asked, a function of the seed."""
    rough, smooth = (plasma(4, 30, decay, np.random.default_rng(1)) for decay in (1.2, 3.0))

    assert rough.shape == (4, 32, 32)
    assert (rough.min(axis=(1, 2)) == 0).all() and (rough.max(axis=(1, 2)) == 1).all()
    assert np.abs(np.diff(smooth)).mean() < np.abs(np.diff(rough)).mean()


def test_glass_moves_pixels_and_makes_none():
    """At the mildest strength there is no blur: the same values stand at other places."""
    clean = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 1), np.uint8)
    found = corrupted(clean, "glass blur", 1, 1)

    assert not (found == clean).all()
    assert (np.sort(found.ravel()) == np.sort(clean.ravel())).all()


@pytest.mark.parametrize("kind", KINDS)
def test_tiny_images_bear_it(kind):
    """Eight by eight grey pixels, as the digits have."""
    assert corrupted(images(side=8, channels=1), kind, SEVERITIES, 1).shape == (6, 8, 8, 1)


def test_strengths_by_hand():
    """A fifth more light is 51 of 255; a shift by 0.03 of 100 pixels moves by three."""
    assert (
        corrupted(np.full((1, 4, 4, 1), 100, np.uint8), "brightness", 4, 1).tolist()
        == np.full((1, 4, 4, 1), 151).tolist()
    )
    point = np.zeros((1, 100, 100, 1), np.uint8)
    point[0, 50, 50] = 255
    row, column = np.unravel_index(corrupted(point, "shift", 1, 1).argmax(), (100, 100))
    assert np.hypot(row - 50, column - 50) == pytest.approx(3, abs=0.8)


def test_the_table_counts_hits():
    """A model that looks at the light alone is right on clean images and wrong on bright ones."""
    clean = np.repeat(np.array([40, 130], np.uint8), 10)[:, None, None, None] * np.ones((1, 8, 8, 1), np.uint8)
    pack = Pack(clean, np.repeat([0, 1], 10), [""] * 20)

    table = robustness(pack, lambda seen: np.eye(2)[(seen.mean(axis=(1, 2, 3)) > 100).astype(int)], 1, 0.95)
    first, bright = table.iloc[0], table[table["damage"] == "brightness"]

    assert (first["damage"], first["accuracy"], first["n"]) == ("none", 1, 20)
    assert bright["accuracy"].tolist() == [1, 1, 1, 1, 0.5]
    assert tuple(bright.iloc[-1][["low", "high"]]) == wilson(10, 20, 0.95)
    assert len(table) == 1 + 5 * len(KINDS)
    assert "mean of all" in as_text(table)
