"""From stored samples to 8 bits: one range for each sample type of a data set. Travels inside packaged models.

8-bit images are never touched. Wider ones have no 256 levels of their own, so the set gives them a range: it is found
once, by `validate`, kept in the manifest, and the same for training and serving; never an image's own.

uint16   0 to the largest value of 8, 9, … 16 bits that holds the set: 12-bit data in 16 bits have 0 to 4095
others   least to largest finite value of the set: int16 and int32 (read as int32), uint32, float
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

Ranges = Mapping[str, tuple[float, float]]
UINT16 = "uint16"
FULL = {UINT16: (0.0, 65535.0)}  # a type with bounds of its own: what holds where the set had none of it
SAMPLE_FORMAT, UNSIGNED = 339, 1  # tag of TIFF
LOW_BYTES = {"RGB;16B": "RGB;16L", "RGB;16L": "RGB;16B", "RGB;16N": "RGB;16B",
             "RGBA;16B": "RGBA;16L", "RGBA;16L": "RGBA;16B", "RGBA;16N": "RGBA;16B"}  # fmt: skip


def stored_samples(image: "Image.Image") -> np.ndarray | None:
    """Samples [H, W] of an opened grey image that is wider than 8 bits, as uint16, int32, uint32 or float32; else None.

    Pillow widens int16 to int32 and narrows float64 to float32.
    """
    if not image.mode.startswith(("I", "F")):
        return None
    values = np.asarray(image)
    if image.mode.startswith("I;16") or image.format == "PPM":  # Pillow stretches a PPM's own largest value to 65535
        return values.astype(np.uint16)
    tags = getattr(image, "tag_v2", {})
    unsigned = image.mode == "I" and tags.get(SAMPLE_FORMAT, (UNSIGNED,)) in (UNSIGNED, (UNSIGNED,))
    wide = tags.get(258, (0,)) == (32,)
    return values.view(np.uint32) if unsigned and wide else values


def raw_mode(image: "Image.Image") -> str:
    """How an opened file stores its samples, in Pillow's words; '' where it doesn't say."""
    tiles = getattr(image, "tile", [])
    args = tiles[0].args if tiles else ""
    return str(args[0] if isinstance(args, tuple) and args else args)


def narrowed(samples: np.ndarray, ranges: Ranges) -> np.ndarray:
    """Scale samples to uint8 by the range of their type; beyond it they are clipped, no number is its lowest value.

    Raises ValueError for a type without a range, and for an image without any number.
    """
    kind = str(samples.dtype)
    known = ranges.get(kind) or FULL.get(kind)
    if known is None:
        there = f"ranges of {', '.join(sorted(ranges))}" if ranges else "8 bits a channel"
        raise ValueError(f"its samples are {kind}; the images it is measured by have {there}, which can't scale it")
    finite = np.isfinite(samples)
    if not finite.any():
        raise ValueError("not one of its pixels is a finite number")
    low, high = known
    values = np.where(finite, samples, low).astype(np.float64).clip(low, high)
    return ((values - low) * (255 / (high - low) if high > low else 0.0)).round().astype(np.uint8)


def span(samples: np.ndarray) -> tuple[float, float] | None:
    """Least and largest finite sample; None where there is none."""
    finite = samples[np.isfinite(samples)]
    return (float(finite.min()), float(finite.max())) if finite.size else None


def merged(one: Ranges, other: Ranges) -> dict[str, tuple[float, float]]:
    """The spans of two parts of a set as those of both."""
    kinds = sorted(one.keys() | other.keys())
    both = {kind: [spans[kind] for spans in (one, other) if kind in spans] for kind in kinds}
    return {kind: (min(low for low, _ in all_), max(high for _, high in all_)) for kind, all_ in both.items()}


def ranges_of(spans: Ranges) -> dict[str, tuple[float, float]]:
    """The ranges of a set with these spans; 16-bit containers are as wide as the bits in use, at least 8."""
    found = dict(spans)
    if UINT16 in found:
        bits = max(8, int(found[UINT16][1]).bit_length())
        found[UINT16] = (0.0, float(2**bits - 1))
    return found
