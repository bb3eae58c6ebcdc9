"""Damaged images, and what is left of a model's accuracy."""

import numpy as np
import pytest

from stages.core.evaluating.corruptions import KINDS, SEVERITIES, corrupted
from stages.core.evaluating.metrics import wilson
from stages.core.evaluating.robustness import as_text, robustness
from stages.core.images.packs import Pack


def images(n=6, side=32, channels=3):
    """Squares of different light on grey."""
    found = np.full((n, side, side, channels), 90, np.uint8)
    for index in range(n):
        found[index, 8 : 20 + index, 6:22] = 120 + 20 * index
    return found


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_damage_grows_and_repeats(kind, channels):
    """uint8 of the same shape, the same bytes for the same seed, and further from the image at the highest severity."""
    clean = images(channels=channels)
    mild, strong = (corrupted(clean, kind, severity, 1) for severity in (1, SEVERITIES))
    far = [np.abs(one.astype(float) - clean).mean() for one in (mild, strong)]

    assert mild.dtype == np.uint8 and mild.shape == clean.shape
    assert (mild == corrupted(clean, kind, 1, 1)).all()
    assert far[0] < far[1]


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
