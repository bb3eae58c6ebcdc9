"""digits: scikit-learn's 1,797 handwritten digits of 8 x 8 pixels; comes with the package, needs no network.

Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, CC BY 4.0.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from stages.core.ingest.encoding import png
from stages.core.ingest.source import Member, Source
from stages.core.settings.options import Download, Section


class Options(Section):
    """Nothing to choose."""


def source(options: Options, limits: Download, cache: Path) -> Source:
    """One grey PNG a digit, `<class>/<number>.png`."""
    origin = {
        "uri": "sklearn.datasets.load_digits",
        "licence": "CC BY 4.0",
        "citation": "Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits, UCI",
    }
    return Source(origin, members())


def members() -> Iterator[Member]:
    """Yield the digits in the order of scikit-learn."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    for index, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        yield Member(f"{label}/{index:04d}.png", partial(png, np.round(image * 255 / 16).astype(np.uint8)))
