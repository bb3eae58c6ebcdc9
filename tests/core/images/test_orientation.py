"""How an image is turned: as Pillow's `exif_transpose` counts it, whatever holds the metadata and wherever it stands."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from stages.core.images.decoding import decode, start_of_scan

PIXELS = np.random.default_rng(1).integers(0, 256, (24, 16, 3), np.uint8)
FORMS = ("jpeg", "png", "webp", "tiff", "avif")
KEY = 0x0112


def exif(orientation, order="<"):
    """A TIFF block with an orientation (any 16 bits) in a byte order, as EXIF holds it."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    return head + struct.pack(f"{order}HHHIHHI", 1, KEY, 3, 1, orientation, 0, 0)


def xmp(orientation):
    """XMP that says the same."""
    return f'<x:xmpmeta><rdf:Description tiff:Orientation="{orientation}"/></x:xmpmeta>'.encode()


def written(form, **options):
    """PIXELS as an image file, without loss where the format can."""
    stream = io.BytesIO()
    lossless = {"webp": {"lossless": True}, "avif": {"quality": 100, "subsampling": "4:4:4"}}.get(form, {})
    Image.fromarray(PIXELS).save(stream, form, **lossless, **options)
    return stream.getvalue()


def turned(form, orientation, order):
    """An image file with an orientation."""
    if form == "tiff":
        stream = io.BytesIO()
        info = {KEY: orientation}
        Image.fromarray(PIXELS).save(stream, "tiff", tiffinfo=info, big_tiff=order == ">")
        return stream.getvalue()
    return written(form, exif=b"Exif\0\0" * (form == "jpeg") + exif(orientation, order))


def segments(data, *parts):
    """A JPEG with these (marker, bytes) put before its own segments."""
    added = b"".join(bytes([0xFF, marker]) + struct.pack(">H", len(part) + 2) + part for marker, part in parts)
    return data[:2] + added + data[2:]


def chunk(kind, body):
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def by_pillow(data):
    """What `exif_transpose` makes of it."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def same(data):
    """Decode, compare with Pillow pixel for pixel, and return whether it counts as turned."""
    found = decode(data)
    assert np.array_equal(found.pixels, by_pillow(data))
    return "rotated" in found.flags


@pytest.mark.parametrize("form", FORMS)
@given(orientation=st.integers(0, 12), order=st.sampled_from("<>"))
def test_every_format_is_turned_as_pillow_turns_it(form, orientation, order):
    """And 2 to 8 are flagged, no other number: 0 and 9 turn nothing."""
    assert same(turned(form, orientation, order)) == (2 <= orientation <= 8)


PART = st.tuples(st.sampled_from([0xE2, 0xED, 0xFE, 0xE1]), st.integers(0, 65000))


@given(st.integers(1, 8), st.sampled_from("<>"), st.lists(PART, max_size=4), st.booleans())
def test_metadata_count_wherever_they_stand_in_a_jpeg(orientation, order, before, as_xmp):
    """Behind colour profiles and comments of 260 KB, as EXIF or as XMP."""
    says = b"http://ns.adobe.com/xap/1.0/\0" + xmp(orientation) if as_xmp else b"Exif\0\0" + exif(orientation, order)
    fill = [(marker, bytes(size)) for marker, size in before]
    assert same(segments(written("jpeg"), *fill, (0xE1, says))) == (orientation != 1)


def test_a_thumbnail_inside_the_metadata_is_not_taken_for_the_picture():
    """Its own markers are no end of the outer segments."""
    inner = segments(written("jpeg"), (0xE1, b"Exif\0\0" + exif(3)))
    data = segments(written("jpeg"), (0xE5, inner[:60000]), (0xE1, b"Exif\0\0" + exif(6)))
    assert same(data)
    assert data[start_of_scan(data) :][:2] == b"\xff\xda"


@pytest.mark.parametrize("body", [b"", b"no TIFF", b"II*\0", exif(6)[:12], b"\xff" * 40])
@pytest.mark.parametrize("form", ["jpeg", "png", "webp"])
def test_unreadable_metadata_spoil_no_pixels(form, body):
    """The picture is whole: it is shown as it is stored, in every format alike."""
    data = written(form)
    if form == "jpeg":
        damaged = segments(data, (0xE1, b"Exif\0\0" + body))
    elif form == "png":
        damaged = data[:33] + chunk(b"eXIf", body) + data[33:]
    else:
        damaged = written("webp", exif=body or b"\0")
    found = decode(damaged)
    assert np.array_equal(found.pixels, decode(data).pixels)
    assert found.flags == ()


@pytest.mark.parametrize("late", [True, False])
def test_a_png_may_say_it_behind_its_pixels(late):
    """An eXIf chunk counts before and after IDAT."""
    data = written("png")
    place = len(data) - 12 if late else 33
    assert same(data[:place] + chunk(b"eXIf", exif(6)) + data[place:])
