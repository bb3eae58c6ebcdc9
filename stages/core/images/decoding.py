"""Bytes of an image file -> uint8 pixels [H, W, 3], upright, with what was special about it.

Of the sixty formats that Pillow knows, one of them by starting Ghostscript, only those of a photograph are read.
JPEG goes through libjpeg-turbo (simplejpeg), 4.5 times as fast as Pillow with the same pixels; the rest
and everything unusual goes through Pillow.
"""

import importlib
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from stages.core.images.samples import LOW_BYTES, Ranges, narrowed, ranges_of, raw_mode, span, stored_samples

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 100_000_000  # a header that claims more is taken for a bomb, as Pillow does near this size
FORMATS = (
    "JPEG",
    "PNG",
    "BMP",
    "GIF",
    "TIFF",
    "WEBP",
    "PPM",
    "AVIF",
    "JPEG2000",
)  # JPEG also where it holds several (MPO)
PLUG_INS = {  # how a file of theirs begins: name in Pillow, and the package; see the extra `formats`
    rb"....ftyp(?:hei[cxms]|hev[cx]|mi[af]1(?!.{0,48}avif)|msf1(?!.{0,48}avif))": ("HEIF", "pillow-heif"),
    rb"\0\0\0\x0cJXL \r\n\x87\n|\xff\x0a": ("JXL", "pillow-jxl-plugin"),
}
ORIENTATION, UPRIGHT = 0x0112, 1
TURNS = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # EXIF orientation -> PIL.Image.Transpose
SMALL = 65536  # bytes up to which a JPEG is searched whole: sooner done than walking its segments
STANDALONE = {bytes([code]) for code in (0x01, *range(0xD0, 0xD9), 0xFF)}  # JPEG markers without a length
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


def decode(data: bytes, ranges: Ranges | None = None) -> Decoded:
    """Decode a whole image. Raises NotAnImage when it is empty, truncated, too large or no image.

    ranges: what is black and what is white of samples over 8 bits, of the set that the image is measured by.
    """
    if not data:
        raise NotAnImage("the file is empty")
    if data[:2] == b"\xff\xd8":
        fast = decode_jpeg(data)
        if fast and plain(data):
            return fast
    return decode_any(data, ranges)


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


def decode_for_display(data: bytes) -> Decoded:
    """Decode for people's eyes only: samples over 8 bits are scaled by the image's own range. Raises NotAnImage."""
    try:
        return decode(data)
    except NotAnImage:
        samples = samples_of(data)
        own = span(samples) if samples is not None else None
        if samples is None or own is None:
            raise
        return decode(data, ranges_of({str(samples.dtype): own}))


def plain(data: bytes) -> bool:
    """Whether a JPEG is to be shown as it is stored: upright, and alone in its file."""
    end = start_of_scan(data) if len(data) > SMALL else len(data)
    if data.find(b"Exif\0\0", 0, end) < 0 and data.find(b"tiff:Orientation", 0, end) < 0:
        return True
    if data.find(b"MPF\0", 0, end) >= 0:  # several pictures in one file
        return False
    try:
        with opened(data) as image:  # reads the header only
            return orientation(image) == UPRIGHT
    except NotAnImage:
        return False


def start_of_scan(data: bytes) -> int:
    """Where the segments of a JPEG end and its pixels begin; its length for one that isn't built so."""
    at = 2
    while data[at : at + 1] == b"\xff":
        marker = data[at + 1 : at + 2]
        if marker == b"\xda":
            return at
        alone = marker in STANDALONE
        at += (1 if marker == b"\xff" else 2) if alone else 2 + int.from_bytes(data[at + 2 : at + 4])
    return len(data)


def orientation(image: "Image.Image") -> int:
    """How an opened image is turned, 1 to 8, as Pillow's `exif_transpose` counts it; 1 where nothing readable says."""
    try:
        found = image.getexif().get(ORIENTATION, UPRIGHT)
    except Exception:
        return UPRIGHT
    return int(found) if found in TURNS else UPRIGHT


def formats_of(data: bytes) -> tuple[str, ...]:
    """Formats that Pillow may take these bytes for. Raises NotAnImage for one whose package is not installed."""
    for beginning, (name, package) in PLUG_INS.items():
        if re.match(beginning, data, re.DOTALL):
            try:
                plug_in = importlib.import_module(package.replace("-", "_").removesuffix("_plugin"))
            except ImportError as error:
                raise NotAnImage(f"{name} needs {package}, which is not installed; `pip install {package}`") from error
            if register := getattr(plug_in, "register_heif_opener", None):  # the other one registers itself
                register()
            return (name,)
    return FORMATS


@contextmanager
def opened(data: bytes) -> Iterator["Image.Image"]:
    """Open an image of FORMATS by Pillow, which reads its header. Raises NotAnImage, also for what fails inside."""
    import warnings

    from PIL import Image

    stream, formats = io.BytesIO(data), formats_of(data)
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(stream, formats=formats) as image:
            if image.width * image.height > MAX_PIXELS:
                raise NotAnImage(f"{image.width} x {image.height} pixels are more than {MAX_PIXELS:,}")
            yield image
    except NotAnImage:
        raise
    except Exception as error:  # Pillow's plug-ins raise nearly anything on damaged bytes
        reason = str(error).replace(repr(stream), "").strip()  # an address would differ from run to run
        raise NotAnImage(reason[:200] or type(error).__name__) from error


def decode_any(data: bytes, ranges: Ranges | None = None) -> Decoded:
    """Decode by Pillow what is of FORMATS: the first frame, upright, alpha over white, wide samples to 8 bits."""
    from PIL import Image

    with opened(data) as image:
        deep, raw, turned = wide_samples(image), raw_mode(image), orientation(image) != UPRIGHT
        image.load()  # turns a TIFF by itself
        samples = wide_colours(data, image, raw) if raw in LOW_BYTES else stored_samples(image)
        flags = special(image, turned=turned, deep=deep or samples is not None)
        shown = image if samples is None else Image.fromarray(narrowed(samples, ranges or {}))
        turn = TURNS[orientation(image)]
        upright = shown if turn is None else shown.transpose(Image.Transpose(turn))
        holes = samples is not None and not np.isfinite(samples).all()
        return Decoded(np.asarray(eight_bit_rgb(upright)), image.mode, str(image.format), (*flags, *["holes"] * holes))


def samples_of(data: bytes) -> np.ndarray | None:
    """Samples over 8 bits of an image file, as it stores them; None for one of 8 bits. Raises NotAnImage."""
    with opened(data) as image:
        raw = raw_mode(image)
        if not (image.mode.startswith(("I", "F")) or raw in LOW_BYTES):
            return None
        image.load()
        return wide_colours(data, image, raw) if raw in LOW_BYTES else stored_samples(image)


def wide_colours(data: bytes, image: "Image.Image", raw: str) -> np.ndarray:
    """Colours uint16 [H, W, 3 or 4] of a loaded image, whose upper bytes Pillow has kept; the lower are read here."""
    with opened(data) as again:
        again.tile = [  # type: ignore[attr-defined]
            tile._replace(args=LOW_BYTES[raw] if isinstance(tile.args, str) else (LOW_BYTES[raw], *tile.args[1:]))
            for tile in again.tile  # type: ignore[attr-defined]
        ]
        again.load()
        return np.asarray(image).astype(np.uint16) << 8 | np.asarray(again)


def wide_samples(image: "Image.Image") -> bool:
    """Whether an opened file stores 16 bits a channel in colour; loading narrows them to 8 and forgets it."""
    return any(re.search(r";16[BLN]", str(tile[3])) for tile in getattr(image, "tile", []))


def special(image: "Image.Image", *, turned: bool, deep: bool) -> tuple[str, ...]:
    """Name what a plain 8-bit picture doesn't have; `turned` and `deep` as its file stored it."""
    found = {
        "animated": getattr(image, "n_frames", 1) > 1,
        "rotated": turned,
        "deep": deep,
        "alpha": image.has_transparency_data,
        "palette": image.mode == "P",
        "cmyk": image.mode == "CMYK",
    }
    return tuple(name for name, present in found.items() if present)


def eight_bit_rgb(image: "Image.Image") -> "Image.Image":
    """Convert an 8-bit Pillow image to RGB; transparency is laid over white."""
    from PIL import Image

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
