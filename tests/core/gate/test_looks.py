"""Looks: each number by hand on pictures that are simple enough, and what it must tell apart on real ones."""

import io

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from stages.core.gate.looks import crispness, histogram, light, looked, looks, luma, quantization
from tests.gate import encoded, picture


def hist(**counts):
    """A histogram [1, 256] of counts by value: v10=3 are three pixels of 10."""
    found = np.zeros((1, 256), np.float32)
    for value, count in counts.items():
        found[0, int(value[1:])] = count
    return found


def test_light_by_hand():
    """Half 100, half 200: mean 150, deviation 50, and the percentiles are the two values."""
    assert {name: float(values[0]) for name, values in light(hist(v100=5, v200=5)).items()} == {
        "brightness": 150,
        "contrast": 50,
        "darkest": 100,
        "lightest": 200,
    }


@pytest.mark.parametrize(
    ("counts", "darkest", "lightest"),
    [
        (
            {"v0": 1, "v100": 98, "v255": 1},
            0,
            100,
        ),  # one of a hundred is the 1st percentile; the 99th is reached before
        ({"v0": 1, "v100": 198, "v255": 1}, 100, 100),  # one of two hundred is not
        ({"v0": 2, "v100": 96, "v255": 2}, 0, 255),
        ({"v7": 1}, 7, 7),
    ],
)
def test_percentiles_by_hand(counts, darkest, lightest):
    """The value at which one, or ninety-nine, of a hundred pixels is reached."""
    found = light(hist(**counts))

    assert (found["darkest"][0], found["lightest"][0]) == (darkest, lightest)


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_light_is_that_of_the_pixels(pixels):
    """Mean and deviation are those of NumPy; the percentiles are values that occur, in order."""
    found = {name: values[0] for name, values in light(histogram(pixels)[None]).items()}

    assert found["brightness"] == pytest.approx(pixels.mean())
    assert found["contrast"] == pytest.approx(pixels.std(), abs=1e-5)
    assert {found["darkest"], found["lightest"]} <= set(pixels.ravel()) and found["darkest"] <= found["lightest"]


def test_a_blur_lowers_crispness():
    """Of every textured picture, and more of it lowers it more: the limit of 0.4 lies between sharp and blurred."""
    for number in range(5):
        y = luma(picture(0, number))
        sharp, soft, softer = (
            crispness(each) for each in (y, cv2.GaussianBlur(y, (0, 0), 1.5), cv2.GaussianBlur(y, (0, 0), 3))
        )
        assert sharp > 0.5 and 0.4 > soft > softer >= 0


def test_crispness_of_a_flat_picture_is_nothing():
    """There is no edge to lose."""
    assert crispness(np.full((9, 9), 77, np.uint8)) == 0


def test_light_is_judged_at_one_size():
    """A large picture is brought to 256 pixels, never less than one in height."""
    assert luma(np.zeros((1024, 512, 3), np.uint8)).shape == (256, 128)
    assert luma(np.zeros((1, 5000, 3), np.uint8)).shape == (1, 256)
    assert luma(np.zeros((100, 256, 3), np.uint8)).shape == (100, 256)


def test_colours_are_means_of_the_channels():
    """Red, green and blue by name; luma weighs them 0.299, 0.587, 0.114; an unreadable image is black."""
    image = np.full((20, 30, 3), (200, 100, 50), np.uint8)

    found, small = looks([looked(image, 4), looked(None, 4)])

    assert [found[name].tolist() for name in ("red", "green", "blue")] == [[200, 0], [100, 0], [50, 0]]
    assert found["brightness"][0] == round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    assert small.shape == (2, 4, 4, 3) and (small[0] == (200, 100, 50)).all() and not small[1].any()


def test_a_thumbnail_is_an_area_mean():
    """Each of its pixels is the mean of the part of the picture below it."""
    image = np.kron(np.arange(16, dtype=np.uint8).reshape(4, 4, 1) * 15, np.ones((8, 8, 3), np.uint8))

    assert (looks([looked(image, 4)])[1][0, ..., 0] == np.arange(16).reshape(4, 4) * 15).all()


def test_quantization_is_the_mark_of_the_quality():
    """The sum of the table that libjpeg scales: 3,688 at quality 50, its double at 25, less the higher the quality."""
    pixels = picture(0, 0)
    sums = {quality: quantization(encoded(pixels, quality=quality)) for quality in (25, 50, 75, 95)}

    assert sums[50] == sum(Image.open(io.BytesIO(encoded(pixels, quality=50))).quantization[0])
    assert sums[25] > sums[50] > sums[75] > sums[95]
    assert quantization(encoded(picture(1, 1), quality=50)) == sums[50]


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8\xff\xdb", encoded(picture(0, 0), "png")])
def test_what_has_no_table_has_no_quantization(data):
    """A PNG has none; half a header is no reason to stop."""
    assert quantization(data) in (None, 0)
