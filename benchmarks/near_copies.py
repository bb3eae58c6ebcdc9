"""How many planted near copies are found, and how many images of clean sets are taken for copies of each other.

    python benchmarks/near_copies.py [ARCHIVE …]

Drawn sets of MANY images, the digits of scikit-learn, and up to ALL images of each archive, with `split.near_copies`
of params.yaml. In the drawn sets no two pictures are copies, so whatever pairs is false; in the others some may be.
Then PLANTED copies of one kind stand among N images, each kind by itself: the share that pairs with its original, of
those with enough contrast to take part.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from aligned_sets import SETS, drawn
from real_sets import sampled, scikit_digits

from stages.core.gate.looks import looked, looks
from stages.core.gate.near_duplicates import SIDE, Pairs, near_pairs
from stages.core.layout import PROJECT
from stages.core.settings.options import NearCopies
from stages.core.settings.params import load

N, PLANTED, SEED = 1500, 200, 1
MANY = 3000  # of a drawn set without copies: chance pairs grow with the square
ALL = 60_000  # of an archive


def recompressed(image: np.ndarray) -> np.ndarray:
    """As a JPEG of quality 60."""
    return cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR)


def resized(image: np.ndarray) -> np.ndarray:
    """At three quarters of its size."""
    height, width = image.shape[:2]
    return cv2.resize(image, (round(width * 0.75), round(height * 0.75)), interpolation=cv2.INTER_AREA)


def brightened(image: np.ndarray) -> np.ndarray:
    """A tenth lighter."""
    return cv2.convertScaleAbs(image, alpha=1.1)


def cropped(image: np.ndarray) -> np.ndarray:
    """Without 3 % of its width and height, half of it at each border; by parts of pixels where it is small."""
    height, width = image.shape[:2]
    inner = np.array([[1, 0, 0.015 * width], [0, 1, 0.015 * height]]) * [[0.97, 1, 1], [1, 0.97, 1]]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, inner, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)


COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "re-compressed": recompressed, "resized": resized, "brightened": brightened, "cropped": cropped,
}  # fmt: skip


def measured(images: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Thumbnails uint8 [n, SIDE, SIDE, 3] and contrast float64 [n], as the gate measures them."""
    found, thumbnails = looks([looked(image, SIDE) for image in images])
    return thumbnails, found["contrast"]


def paired(thumbnails: np.ndarray, contrast: np.ndarray, near: NearCopies) -> Pairs:
    """The near pairs by the limits of params.yaml."""
    return near_pairs(
        thumbnails,
        contrast,
        **near.model_dump(exclude={"max_cluster_share", "max_cluster_size"}),
    )


def false_cell(images: list[np.ndarray], near: NearCopies) -> str:
    """Images in near pairs, and pairs, of a set as it is."""
    pairs = paired(*measured(images), near)
    return f"{len(np.unique([pairs.first, pairs.second])):,} of {len(images):,} | {len(pairs.first):,}"


def recalls(images: list[np.ndarray], near: NearCopies) -> list[str]:
    """Share of planted copies found, kind by kind, and the share of the images that are too flat to take part."""
    thumbnails, contrast = measured(images)
    chosen = np.random.default_rng(SEED).choice(len(images), PLANTED, replace=False)
    cells = []
    for change in COPIES.values():
        copies, spread = measured([change(images[i]) for i in chosen])
        pairs = paired(np.concatenate([thumbnails, copies]), np.concatenate([contrast, spread]), near)
        found = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
        hits = np.array([(int(row), len(images) + i) in found for i, row in enumerate(chosen)])
        cells.append(f"{hits[contrast[chosen] >= near.min_contrast].mean():.3f}")
    return [*cells, f"{(contrast < near.min_contrast).mean():.0%}"]


def main(archives: list[str]) -> None:
    """Print the table."""
    cv2.setNumThreads(1)
    near = load(PROJECT / "params.yaml").tree.split.near_copies
    if near is None:
        sys.exit("params.yaml: split.near_copies is null: there is nothing to measure")
    print(f"| set | images in pairs | pairs | {' | '.join(COPIES)} | too flat |\n|{'---|' * (4 + len(COPIES))}")
    sets = {name: lambda name=name: drawn(name, MANY) for name in SETS} | {"scikit-learn digits": scikit_digits}
    sets |= {Path(path).stem: lambda path=path: sampled(Path(path), ALL, SEED) for path in archives}
    for name, images_of in sets.items():
        images = images_of()
        print(f"| {name} | {false_cell(images, near)} | {' | '.join(recalls(images[:N], near))} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
