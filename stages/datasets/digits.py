"""digits: scikit-learn's 1,797 handwritten digits of 8 x 8 pixels; comes with the package, needs no network.

Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, CC BY 4.0.
"""

import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from stages.core.archive import Member
from stages.core.options import Download, Section


class Options(Section):
    """Nothing to choose."""


def origin(options: Options) -> dict[str, str]:
    """Where the images come from, for source.json."""
    return {
        "uri": "sklearn.datasets.load_digits",
        "licence": "CC BY 4.0",
        "citation": "Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits, UCI",
    }


def members(options: Options, limits: Download, cache: Path) -> Iterator[Member]:
    """Yield one grey PNG a digit, `<class>/<number>.png`."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    for index, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        yield Member(f"{label}/{index:04d}.png", partial(png, np.round(image * 255 / 16).astype(np.uint8)))


def png(pixels: np.ndarray) -> bytes:
    """Encode uint8 [H, W] as PNG."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()
