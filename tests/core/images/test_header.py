"""What a header claims, before anything is decoded."""

import io
import struct
import zlib

import pytest
from PIL import Image

from stages.core.images.decoding import NotAnImage
from stages.core.images.header import FORMATS, by_pillow, checked, size


def file(kind, shape=(30, 20)):
    stream = io.BytesIO()
    Image.new("RGB", shape, "red").save(stream, kind)
    return stream.getvalue()


def bomb(side=50_000):
    """A PNG of a few bytes that claims 50,000 x 50,000 pixels."""
    parts = {b"IHDR": struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0), b"IDAT": zlib.compress(b"\0"), b"IEND": b""}
    chunks = (
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts.items()
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("kind", FORMATS)
def test_the_size_is_read_of_every_format(kind):
    """Width and height, without decoding."""
    assert size(file(kind)) == by_pillow(file(kind)) == (30, 20)
    assert checked(file(kind), 600) == 600


@pytest.mark.parametrize(
    "data", [b"", b"no image", b"\xff\xd8\xff", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"]
)
def test_what_is_no_photograph_is_refused(data):
    """Nothing, damage, and PostScript, for which Pillow would start another program."""
    with pytest.raises(NotAnImage):
        size(data)


def test_more_pixels_than_allowed_are_refused():
    """By what the header says; a bomb's size is never taken at its word and unpacked."""
    with pytest.raises(NotAnImage, match=r"30 x 20 pixels are more than 599"):
        checked(file("PNG"), 599)
    for side in (11_000, 50_000):  # Pillow itself stops at the second
        with pytest.raises(NotAnImage, match=r"pixels are more than|more than .* pixels"):
            checked(bomb(side))
