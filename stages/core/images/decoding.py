"""Bytes of an image file -> uint8 pixels [H, W, 3], upright, with what was special about it.

Of the sixty formats that Pillow knows, one of them by starting Ghostscript, only those of a photograph are read.
JPEG goes through libjpeg-turbo (simplejpeg), 4.5 times as fast as Pillow with the same pixels; the rest
and everything unusual goes through Pillow.
"""

import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 100_000_000  # a header that claims more is taken for a bomb, as Pillow does near this size
FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM")  # JPEG also where it holds several (MPO)
ORIENTATION, UPRIGHT = 0x0112, 1
HEAD = 65536  # bytes in which a JPEG says what it is
DAMAGED = re.compile(r"^(Corrupt JPEG data|Premature end)")  # as libjpeg says it
PADDED = re.compile(r"extraneous bytes before marker")  # some cameras do so; damage may look the same


class NotAnImage(ValueError):
    """The bytes are not a whole image; the message says why."""


@dataclass(frozen=True)
class Decoded:
    """Pixels uint8 [H, W, 3]; mode and format as stored in the file; what was special."""

    pixels: np.ndarray
    mode: str
    format: str
    flags: tuple[str, ...] = ()


def decode(data: bytes) -> Decoded:
    """Decode a whole image. Raises NotAnImage when it is empty, truncated, too large or no image."""
    if not data:
        raise NotAnImage("the file is empty")
    if data[:2] == b"\xff\xd8":
        fast = decode_jpeg(data)
        if fast and plain(data):
            return fast
    return decode_any(data)


def decode_jpeg(data: bytes) -> Decoded | None:
    """Decode a grey or colour JPEG as it is stored; None for one that needs Pillow's tolerance or its verdict.

    Raises NotAnImage where libjpeg sees that data is missing or wrong. Pillow fills such a place with grey, silently.
    """
    import simplejpeg

    try:
        height, width, colour, _ = simplejpeg.decode_jpeg_header(data)
    except ValueError:
        return None
    if height * width > MAX_PIXELS or colour not in ("YCbCr", "RGB", "Gray"):
        return None
    mode = "L" if colour == "Gray" else "RGB"
    try:
        return Decoded(simplejpeg.decode_jpeg(data, colorspace="RGB"), mode, "JPEG")
    except ValueError as error:
        if PADDED.search(str(error)):
            return Decoded(simplejpeg.decode_jpeg(data, colorspace="RGB", strict=False), mode, "JPEG", ("padded",))
        if DAMAGED.search(str(error)):
            raise NotAnImage(str(error)) from error
        return None


def plain(data: bytes) -> bool:
    """Whether a JPEG is to be shown as it is stored: upright, and alone in its file."""
    from PIL import Image

    if data.find(b"Exif\0\0", 0, HEAD) < 0:
        return True
    if data.find(b"MPF\0", 0, HEAD) >= 0:  # several pictures in one file
        return False
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:  # reads the header only
        return image.getexif().get(ORIENTATION, UPRIGHT) == UPRIGHT


def decode_any(data: bytes) -> Decoded:
    """Decode by Pillow what is of FORMATS: the first frame, turned upright, alpha over white, 16 bits to 8."""
    import warnings

    from PIL import Image, ImageOps

    stream = io.BytesIO(data)
    try:
        with warnings.catch_warnings(), Image.open(stream, formats=FORMATS) as image:
            warnings.simplefilter("ignore")
            if image.width * image.height > MAX_PIXELS:
                raise NotAnImage(f"{image.width} x {image.height} pixels are more than {MAX_PIXELS:,}")
            deep = wide_samples(image)
            image.load()
            flags = special(image, deep)
            upright = ImageOps.exif_transpose(image)
            return Decoded(np.asarray(eight_bit_rgb(upright)), image.mode, str(image.format), flags)
    except NotAnImage:
        raise
    except Exception as error:  # Pillow's plug-ins raise nearly anything on damaged bytes
        reason = str(error).replace(repr(stream), "").strip()  # an address would differ from run to run
        raise NotAnImage(reason[:200] or type(error).__name__) from error


def wide_samples(image: "Image.Image") -> bool:
    """Whether an opened file stores 16 bits a channel in colour; loading narrows them to 8 and forgets it."""
    return any(re.search(r";16[BLN]", str(tile[3])) for tile in getattr(image, "tile", []))


def special(image: "Image.Image", deep: bool = False) -> tuple[str, ...]:
    """Name what a plain 8-bit picture doesn't have; `deep` where its file stored more than it has now."""
    orientation = image.getexif().get(ORIENTATION, UPRIGHT)
    found = {
        "animated": getattr(image, "n_frames", 1) > 1,
        "rotated": orientation != UPRIGHT,
        "deep": deep or image.mode.startswith(("I", "F")),
        "alpha": image.has_transparency_data,
        "palette": image.mode == "P",
        "cmyk": image.mode == "CMYK",
    }
    return tuple(name for name, present in found.items() if present)


def eight_bit_rgb(image: "Image.Image") -> "Image.Image":
    """Convert any Pillow image to 8-bit RGB; transparency is laid over white."""
    from PIL import Image

    if image.mode.startswith(("I", "F")):
        values = np.asarray(image).astype(np.float64)
        top = 65535.0 if image.mode.startswith("I") else max(values.max(), 1.0)
        image = Image.fromarray((values.clip(0, top) * (255 / top)).round().astype(np.uint8))
    if image.has_transparency_data:
        over = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", over.size, "white"), over)
    return image.convert("RGB")


def fitted(pixels: np.ndarray, *, height: int, width: int, channels: str, fit: str, resample: str) -> np.ndarray:  # noqa: PLR0913 - they are a section of params.yaml
    """Bring uint8 [H, W, 3] to uint8 [height, width, C]: the same for training and for serving.

    stretch ignores the aspect ratio, crop keeps the middle, pad adds black. `grey` has C = 1, `rgb` C = 3.
    """
    from PIL import Image, ImageOps

    if pixels.shape[:2] != (height, width):
        size, filter_ = (width, height), Image.Resampling[resample.upper()]
        image = Image.fromarray(pixels)
        resized = {
            "stretch": lambda: image.resize(size, filter_),
            "crop": lambda: ImageOps.fit(image, size, filter_),
            "pad": lambda: ImageOps.pad(image, size, filter_),
        }[fit]()
        pixels = np.asarray(resized)
    return np.asarray(Image.fromarray(pixels).convert("L"))[..., None] if channels == "grey" else pixels
