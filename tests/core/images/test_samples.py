"""Samples over 8 bits: one range for each type, from the set; never an image's own."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stages.core.images.decoding import NotAnImage, decode, decode_for_display, samples_of
from stages.core.images.samples import merged, narrowed, ranges_of, span

FINITE = st.floats(-(2.0**100), 2.0**100, width=32, allow_subnormal=False)


def tiff(values, dtype):
    """A grey TIFF of these samples."""
    stream = io.BytesIO()
    Image.fromarray(np.asarray(values, dtype)).save(stream, "tiff")
    return stream.getvalue()


def colours(values, form=".png"):
    """A file of uint16 [H, W, 3 or 4] RGB, which Pillow can't write."""
    import cv2

    order = [2, 1, 0, 3][: values.shape[2]]
    return cv2.imencode(form, np.ascontiguousarray(values[..., order]))[1].tobytes()


def levels(data, **ranges):
    """The first channel as it is decoded."""
    return decode(data, ranges).pixels[..., 0].tolist()


def test_a_float_image_takes_the_range_of_the_set():
    """Brightness between images is kept: half of the set's range is grey in each."""
    assert levels(tiff([[0, 1], [2, 4]], "float32"), float32=(0.0, 4.0)) == [[0, 64], [128, 255]]
    assert levels(tiff([[0, 1], [1, 1]], "float32"), float32=(0.0, 4.0)) == [[0, 64], [64, 64]]


def test_the_negative_half_is_kept():
    """-1..1 becomes 0..255."""
    assert levels(tiff([[-1, 0, 1]], "float32"), float32=(-1.0, 1.0)) == [[0, 128, 255]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_pixel_that_is_no_number_spoils_no_other(bad):
    """It is the lowest value of the set, the rest is as without it, and it is told."""
    data = tiff([[bad, 0.0], [5.0, 10.0]], "float32")
    assert span(samples_of(data)) == (0.0, 10.0)
    found = decode(data, {"float32": (0.0, 10.0)})
    assert found.pixels[..., 0].tolist() == [[0, 0], [128, 255]]
    assert found.flags == ("deep", "holes")


def test_an_image_without_a_number_is_unreadable():
    """And says why."""
    with pytest.raises(NotAnImage, match="not one of its pixels is a finite number"):
        decode(tiff([[np.nan, np.inf]], "float32"), {"float32": (0.0, 1.0)})


def test_integers_above_16_bits_are_not_clipped():
    """int32 goes as far as the set does."""
    assert levels(tiff([[0, 65536, 131072]], "int32"), int32=(0.0, 131072.0)) == [[0, 128, 255]]


@pytest.mark.parametrize(
    ("most", "top"), [(3, 255), (255, 255), (1000, 1023), (4095, 4095), (16383, 16383), (65535, 65535)]
)
def test_a_16_bit_container_is_as_wide_as_its_bits_in_use(most, top):
    """12-bit data keep 256 levels, not 17."""
    assert ranges_of({"uint16": (1.0, float(most))}) == {"uint16": (0.0, float(top))}
    assert levels(tiff([[0, top]], "uint16"), uint16=(0.0, float(top))) == [[0, 255]]


@pytest.mark.parametrize("form", [".png", ".tif"])
@pytest.mark.parametrize("channels", [3, 4])
def test_colours_of_12_bits_in_16_keep_their_levels(form, channels):
    """Pillow reads the upper byte of a colour only; nothing of the lower is lost here."""
    values = np.full((16, 16, channels), 4095, np.uint16)
    values[..., 0] = np.arange(256).reshape(16, 16) * 16 + 7
    data = colours(values, form)
    assert (samples_of(data)[..., 0] == values[..., 0]).all()
    assert len(np.unique(decode(data, {"uint16": (0.0, 4095.0)}).pixels[..., 0])) == 256


def test_16_bits_without_a_range_are_0_to_65535():
    """A served model may meet a type that its training set had not: this one has bounds of its own."""
    assert levels(tiff([[0, 32768, 65535]], "uint16")) == [[0, 128, 255]]


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_a_type_without_a_range_is_refused(dtype):
    """Nothing says what is white: the type is named; people may look at it all the same."""
    data = tiff([[0, 7]], dtype)
    with pytest.raises(NotAnImage, match=f"its samples are {dtype}"):
        decode(data)
    with pytest.raises(NotAnImage, match="ranges of uint16"):
        decode(data, {"uint16": (0.0, 4095.0)})
    assert decode_for_display(data).pixels[0, :, 0].tolist() == [0, 255]


def test_a_turned_image_of_16_bits_is_set_upright():
    """Scaling loses no metadata."""
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    Image.fromarray(np.array([[0, 65535]], np.uint16)).save(stream, "png", exif=exif)
    found = decode(stream.getvalue())
    assert found.pixels[..., 0].tolist() == [[0], [255]]
    assert found.flags == ("rotated", "deep")


@given(st.lists(FINITE, min_size=2, max_size=20))
def test_scaling_keeps_the_order_and_uses_all_of_8_bits(values):
    """The least of the set is 0, the largest 255, and no order is turned."""
    samples = np.array([values], np.float32)
    low, high = span(samples)
    got = narrowed(samples, {"float32": (low, high)})
    if high > low:
        assert got.min() == 0
        assert got.max() == 255
    assert (np.diff(got[0, np.argsort(samples[0], kind="stable")].astype(int)) >= 0).all()


@given(st.lists(st.tuples(st.sampled_from(["float32", "int32"]), FINITE, FINITE), max_size=6), st.randoms())
def test_the_range_of_a_set_is_the_same_in_any_order(parts, random):
    """It is a function of the data alone, whatever the number of workers."""
    spans = [{kind: (min(one, other), max(one, other))} for kind, one, other in parts]
    turned = random.sample(spans, len(spans))
    first, second = {}, {}
    for one, other in zip(spans, turned, strict=True):
        first, second = merged(first, one), merged(second, other)
    assert first == second
