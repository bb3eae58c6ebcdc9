"""What `sharp` calls blurred: images of clean sets that it names, and the share of planted blur that it finds.

    python benchmarks/blur.py [ARCHIVE …]

Drawn sets, the digits of scikit-learn, and a sample of each archive, all as they are and softened as by a lens
(`SOFTENED`). In each, a twentieth at most is blurred, one kind at a time, and the check judges the whole with the
limits of params.yaml; before the slash the limit of 0.1, a crispness of 0.33 for every set.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pandas as pd
from aligned_sets import SETS, drawn
from real_sets import sampled, scikit_digits

from stages.checks import sharp
from stages.core.gate.looks import looked, looks
from stages.core.layout import PROJECT
from stages.core.settings.params import load

N, PLANTED, SEED = 1500, 60, 1
SOFTENED = 0.9  # sigma of the softened sets, in pixels
OLD = 0.33  # limit of 0.1
Change = Callable[[np.ndarray], np.ndarray]


def gaussian(sigma: float) -> Change:
    """Blur as a lens out of focus does."""
    return lambda image: cv2.GaussianBlur(image, (0, 0), sigma)


def motion(length: int) -> Change:
    """Blur along a row, as a moving camera does."""
    return lambda image: cv2.filter2D(image, -1, np.full((1, length), 1 / length), borderType=cv2.BORDER_REFLECT)


BLURS = {
    "sigma 1": gaussian(1), "sigma 2": gaussian(2), "sigma 4": gaussian(4),
    "motion 5": motion(5), "motion 9": motion(9), "motion 15": motion(15),
}  # fmt: skip


def table(images: list[np.ndarray]) -> pd.DataFrame:
    """Contrast and crispness as the gate measures them."""
    found, _ = looks([looked(image, 16) for image in images])
    return pd.DataFrame({name: found[name].astype("float32") for name in ("contrast", "crispness")})


def named(rows: pd.DataFrame, options: Any) -> tuple[np.ndarray, np.ndarray]:
    """Which images are called blurred: by the limit of 0.1, and now; bool [n] each."""
    measured = sharp.measure(SimpleNamespace(images=rows), options)  # type: ignore[arg-type]
    old = (rows["crispness"] < OLD) & (rows["contrast"] >= options.min_contrast)
    return old.to_numpy(), measured["blurred"].to_numpy() > 0  # type: ignore[union-attr]


def row(name: str, images: list[np.ndarray], options: Any) -> str:
    """A line of the table: median, images named before and now, and recall before and now for each blur."""
    clean = table(images)
    chosen = np.random.default_rng(SEED).choice(len(images), min(PLANTED, len(images) // 20), replace=False)
    before, now = named(clean, options)
    cells = [f"{clean['crispness'].median():.2f}", f"{before.sum()} / {now.sum()} of {len(images):,}"]
    for blur in BLURS.values():
        planted = clean.copy()
        planted.iloc[chosen] = table([blur(images[i]) for i in chosen]).to_numpy()
        judged = planted["contrast"].to_numpy()[chosen] >= options.min_contrast
        old, new = (each[chosen][judged].mean() for each in named(planted, options))
        cells.append(f"{old:.2f} / {new:.2f}")
    return f"| {name} | {' | '.join(cells)} |"


def main(archives: list[str]) -> None:
    """Print the table."""
    cv2.setNumThreads(1)
    options = load(PROJECT / "params.yaml").checks["sharp"].options
    print(f"| set | median | clean images named | {' | '.join(BLURS)} |\n|{'---|' * (3 + len(BLURS))}")
    sets = {name: lambda name=name: drawn(name, N) for name in SETS} | {"scikit-learn digits": scikit_digits}
    sets |= {Path(path).stem: lambda path=path: sampled(Path(path), N, SEED) for path in archives}
    for name, images_of in sets.items():
        images = images_of()
        print(row(name, images, options), flush=True)
        print(row(f"{name}, softened", [gaussian(SOFTENED)(image) for image in images], options), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
