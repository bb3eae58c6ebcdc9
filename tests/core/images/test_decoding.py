"""Decoding: every kind of file becomes upright 8-bit RGB, or is refused with a reason that repeats."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stages.core.images import decoding
from stages.core.images.decoding import NotAnImage, decode, decode_any, decode_jpeg, fitted

COLOURS = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3) * 14  # 2 rows, 3 columns, every value another


def encoded(image, form, **options):
    """Encode a Pillow image or uint8 array."""
    stream = io.BytesIO()
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(stream, form, **options)
    return stream.getvalue()


def oriented(which):
    exif = Image.Exif()
    exif[decoding.ORIENTATION] = which
    return exif


@pytest.mark.parametrize("form", ["png", "bmp", "tiff", "ppm", "webp"])
def test_lossless_formats_keep_their_pixels(form):
    """What was stored comes back, and the row says how it was stored."""
    image = decode(encoded(COLOURS, form, **({"lossless": True} if form == "webp" else {})))

    assert (image.pixels == COLOURS).all()
    assert (image.pixels.dtype, image.mode, image.format, image.flags) == (np.uint8, "RGB", form.upper(), ())


def test_grey_fills_three_channels():
    """A grey image has its value in red, green and blue."""
    image = decode(encoded(COLOURS[..., 0], "png"))

    assert (image.pixels == COLOURS[..., :1]).all()
    assert image.mode == "L"


def test_one_bit_is_black_and_white():
    """Mode 1 becomes 0 and 255."""
    bits = np.array([[True, False, True]])

    assert decode(encoded(Image.fromarray(bits), "png")).pixels[0, :, 1].tolist() == [255, 0, 255]


def test_transparency_is_laid_over_white():
    """Opaque keeps its colour, transparent is white whatever lies under it, half is in the middle."""
    rgba = np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [0, 0, 0, 128]]], np.uint8)

    image = decode(encoded(rgba, "png"))

    assert image.pixels[0].tolist() == [[10, 20, 30], [255, 255, 255], [127, 127, 127]]
    assert image.flags == ("alpha",)


def test_a_palette_with_a_transparent_colour_is_laid_over_white():
    """Entry 1 of the palette is transparent: white; the others keep their colour."""
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
    image.putpalette([200, 0, 0, 0, 200, 0, 0, 0, 200])

    got = decode(encoded(image, "png", transparency=1))

    assert got.pixels[0].tolist() == [[200, 0, 0], [255, 255, 255], [0, 0, 200]]
    assert (got.mode, got.flags) == ("P", ("alpha", "palette"))


@pytest.mark.parametrize("form", ["png", "tiff"])
def test_sixteen_bits_become_eight(form):
    """0, 257, 32768 and 65535 of 65535 are 0, 1, 128 and 255 of 255: scaled, not cut off."""
    deep = np.array([[0, 257, 32768, 65535]], np.uint16)

    image = decode(encoded(deep, form))

    assert image.pixels[0].tolist() == [[0] * 3, [1] * 3, [128] * 3, [255] * 3]
    assert image.flags == ("deep",)


def test_cmyk_jpeg_becomes_rgb():
    """Pure cyan, as print shops store it, looks cyan."""
    image = decode(encoded(Image.new("CMYK", (16, 16), (255, 0, 0, 0)), "jpeg", quality=95))

    assert np.abs(image.pixels[8, 8].astype(int) - [0, 255, 255]).max() <= 3
    assert (image.mode, image.flags) == ("CMYK", ("cmyk",))


@pytest.mark.parametrize("form", ["gif", "png", "webp"])
def test_the_first_frame_of_an_animation_counts(form):
    """A film of red, green and blue is a red picture, and is flagged."""
    frames = [Image.new("RGB", (6, 5), colour) for colour in ("red", "lime", "blue")]

    image = decode(encoded(frames[0], form, save_all=True, append_images=frames[1:], lossless=True))

    assert (image.pixels == [255, 0, 0]).all()
    assert image.pixels.shape == (5, 6, 3)
    assert "animated" in image.flags


# EXIF 2.3: where the 0th row and the 0th column of the stored image belong -> how to turn it upright
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("form", ["png", "tiff"])
@pytest.mark.parametrize("which", UPRIGHT)
def test_every_orientation_is_turned_upright(which, form):
    """The eight EXIF orientations, exactly."""
    image = decode(encoded(COLOURS, form, exif=oriented(which)))

    assert (image.pixels == UPRIGHT[which](COLOURS)).all()


@pytest.mark.parametrize("which", UPRIGHT)
def test_a_jpeg_from_a_camera_is_turned_upright(which):
    """A JPEG with EXIF goes the slower way and comes out turned, and flagged if it was."""
    plain = encoded(np.repeat(np.repeat(COLOURS, 8, 0), 8, 1), "jpeg", subsampling=0)
    turned = encoded(Image.open(io.BytesIO(plain)), "jpeg", quality="keep", exif=oriented(which))

    image = decode(turned)

    assert (image.pixels == UPRIGHT[which](decode(plain).pixels)).all()
    assert image.flags == (() if which == 1 else ("rotated",))


@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.fixed_dictionaries({"quality": st.integers(1, 100), "progressive": st.booleans()}),
    st.sampled_from(["grey", 0, 1, 2]),
    st.integers(0, 2**32 - 1),
)
def test_the_fast_way_gives_pillows_pixels(shape, options, subsampling, seed):
    """libjpeg-turbo through simplejpeg and through Pillow agree bit for bit, so either may decode."""
    image = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8))
    grey = subsampling == "grey"
    data = (
        encoded(image.convert("L"), "jpeg", **options)
        if grey
        else encoded(image, "jpeg", subsampling=subsampling, **options)
    )

    fast, slow = decode_jpeg(data), decode_any(data)

    assert fast is not None
    assert (fast.pixels == slow.pixels).all()
    assert (fast.mode, fast.format, fast.flags) == (slow.mode, slow.format, slow.flags)


PICTURE = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
BAD = {
    "empty": b"",
    "text.jpg": b"this is a text, whatever its name says",
    "only the first bytes of a jpeg": b"\xff\xd8\xff\xe0",
    "half a jpeg": encoded(PICTURE, "jpeg")[:700],
    "half a jpeg with exif": encoded(PICTURE, "jpeg", exif=oriented(6))[:900],
    "half a jpeg, its end marker put back": encoded(PICTURE, "jpeg")[:700] + b"\xff\xd9",
    "half a png": encoded(PICTURE, "png")[:1500],
    "half a gif": encoded(PICTURE, "gif")[:900],
    "html": b"<html><body>404</body></html>",
}


def test_bytes_that_a_camera_padded_with_are_harmless():
    """libjpeg warns of what stands between two markers; the picture is whole."""
    data = encoded(PICTURE, "jpeg")
    padded = data[:-2] + bytes(40) + data[-2:]

    assert (decode(padded).pixels == decode(data).pixels).all()
    assert decode(padded).flags == ("padded",)  # a hole in the file may look the same: it is counted on the page


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_whole_image_is_refused(name):
    """A damaged file is never half decoded: it is refused, with a reason."""
    with pytest.raises(NotAnImage) as refusal:
        decode(BAD[name])

    assert str(refusal.value)


@pytest.mark.parametrize("name", BAD)
def test_the_reason_repeats(name):
    """The reason stands in the manifest, so it holds nothing of this process, such as an address in memory."""
    reasons = []
    for _ in range(2):
        with pytest.raises(NotAnImage) as refusal:
            decode(BAD[name])
        reasons.append(str(refusal.value))

    assert " at 0x" not in reasons[0]
    assert reasons[0] == reasons[1]


@given(st.integers(0, 3000), st.integers(0, 255), st.sampled_from(["jpeg", "png", "gif", "bmp", "tiff", "webp"]))
def test_any_damage_is_refused_or_decoded(place, value, form):
    """No byte, however wrong, raises anything but NotAnImage."""
    data = bytearray(encoded(PICTURE, form))
    data[place % len(data)] = value
    try:
        assert decode(bytes(data)).pixels.ndim == 3
    except NotAnImage as refusal:
        assert str(refusal)


def test_a_header_that_claims_too_much_is_refused():
    """A PNG of 20,000 x 20,000 pixels in its header is refused before any memory is taken."""
    data = bytearray(encoded(COLOURS, "png"))
    data[16:24] = struct.pack(">II", 20_000, 20_000)

    with pytest.raises(NotAnImage):
        decode(bytes(data))


def test_the_size_limit_holds_on_both_ways(monkeypatch):
    """An image one pixel above the limit is refused as PNG and as JPEG, and one at the limit is not."""
    monkeypatch.setattr(decoding, "MAX_PIXELS", 32 * 32)
    above = np.zeros((1, 32 * 32 + 1, 3), np.uint8)

    for form in ("png", "jpeg"):
        assert decode(encoded(PICTURE, form)).pixels.shape == (32, 32, 3)
        with pytest.raises(NotAnImage, match="1025 x 1 pixels are more than 1,024"):
            decode(encoded(above, form))


WIDE = np.zeros((4, 8, 3), np.uint8)  # left half red, right half blue
WIDE[:, :4, 0], WIDE[:, 4:, 2] = 200, 200


def fit(pixels, how, channels="rgb", size=(4, 4), resample="nearest"):
    return fitted(pixels, height=size[0], width=size[1], channels=channels, fit=how, resample=resample)


def test_stretch_keeps_all_and_ignores_the_ratio():
    """8 x 4 on 4 x 4: both halves are there, half as wide."""
    assert (fit(WIDE, "stretch") == WIDE[:, ::2]).all()


def test_crop_keeps_the_middle():
    """8 x 4 on 4 x 4: two columns of red, two of blue."""
    assert (fit(WIDE, "crop") == WIDE[:, 2:6]).all()


def test_pad_keeps_all_between_black():
    """8 x 4 on 4 x 4: the picture is 4 x 2 in the middle, above and below it is black."""
    got = fit(WIDE, "pad")

    assert (got[1:3] == WIDE[:2, ::2]).all()
    assert (got[[0, 3]] == 0).all()


def test_grey_is_luma():
    """ITU-R 601: 0.299 red, 0.114 blue; one channel."""
    got = fit(WIDE, "stretch", "grey", (4, 8))

    assert got.shape == (4, 8, 1)
    assert sorted(set(got.ravel().tolist())) == [round(0.114 * 200), round(0.299 * 200)]


@pytest.mark.parametrize("how", ["stretch", "crop", "pad"])
def test_the_right_size_is_left_alone(how):
    """An image of the wanted size keeps every pixel, whatever the filter."""
    assert (fit(COLOURS, how, size=(2, 3), resample="lanczos") == COLOURS).all()


@given(
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    st.sampled_from(["stretch", "crop", "pad"]),
    st.sampled_from(["rgb", "grey"]),
    st.sampled_from(["nearest", "bilinear", "bicubic", "lanczos"]),
)
def test_the_shape_is_always_the_one_asked_for(shape, size, how, channels, resample):
    """uint8 [height, width, C] from an image of any shape, and one colour stays that colour."""
    got = fit(np.full((*shape, 3), 7, np.uint8), how, channels, size, resample)

    assert (got.shape, got.dtype) == ((*size, 3 if channels == "rgb" else 1), np.uint8)
    assert how == "pad" or (got == 7).all()


def test_postscript_under_another_name_starts_nothing(tmp_path, monkeypatch):
    """Pillow would hand it to Ghostscript, where that is installed; it is no image of ours, whatever it is called."""
    from PIL import EpsImagePlugin, Image

    stream = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(stream, "eps")
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_, **__: pytest.fail("Ghostscript is started"))

    with pytest.raises(NotAnImage, match="cannot identify"):
        decode(stream.getvalue())
