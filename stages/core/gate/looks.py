"""How an image looks, in a few numbers from one decode: light, contrast, crispness, and a thumbnail.

OpenCV does each in microseconds, so that the gate stays near the speed of decoding; with Pillow and NumPy these would
cost three times the decoding (docs/log.md).
"""

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np

SIDE = 256  # pixels of the longer side at which light and crispness are judged: blur is seen at the size it is used at
LEVELS = np.arange(256, dtype=np.uint32)  # SIDE x SIDE pixels of the highest, squared, are below 2^32
Pixels = np.ndarray | None


class Look(NamedTuple):
    """One image: its histogram of luma float32 [256], crispness, and thumbnail uint8 [side, side, 3]."""

    histogram: np.ndarray
    crispness: float
    thumbnail: np.ndarray


def looked(image: Pixels, side: int) -> Look:
    """Look at uint8 [H, W, 3], None for an unreadable image, while it is still in the processor's cache."""
    y = luma(image)
    return Look(histogram(y), crispness(y), thumbnail(image, side))


def looks(images: Iterable[Look]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Numbers of N images, {name: float64 [N]}, and their thumbnails uint8 [N, side, side, 3].

    red, green, blue: means of the thumbnail; brightness and contrast: mean and standard deviation of luma; darkest and
    lightest: its 1st and 99th percentile; crispness: see there. All but the last in units of 0-255.
    """
    histograms, crisp, small = (np.array(values) for values in zip(*images, strict=True))
    means = small.mean(axis=(1, 2))
    found = light(histograms) | {"crispness": crisp}
    return found | {name: means[:, channel] for channel, name in enumerate(("red", "green", "blue"))}, small


def one_core() -> None:
    """Keep OpenCV from starting threads: the cores are busy with other images."""
    cv2.setNumThreads(1)


def luma(image: Pixels) -> np.ndarray:
    """Luma uint8 [H, W] of uint8 [H, W, 3], at most SIDE pixels long; one black pixel for no image."""
    if image is None:
        return np.zeros((1, 1), np.uint8)
    height, width = image.shape[:2]
    scale = SIDE / max(height, width)
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def histogram(y: np.ndarray) -> np.ndarray:
    """How many pixels have each of the 256 values, float32 [256]."""
    return cv2.calcHist([y], [0], None, [256], [0, 256]).ravel()


def light(histograms: np.ndarray) -> dict[str, np.ndarray]:
    """Mean, standard deviation, 1st and 99th percentile from histograms [N, 256], float64 [N] each."""
    counts = histograms.astype(
        np.uint32
    )  # whole numbers: the order of adding, another processor's say, changes nothing
    n, first, second = (np.einsum("ij,j->i", counts, LEVELS**power).astype(np.int64) for power in range(3))
    below = counts.cumsum(axis=1, dtype=np.uint32) * np.uint32(100)
    return {
        "brightness": first / n,
        "contrast": np.sqrt((second * n - first**2) / n**2),
        "darkest": (below < n[:, None]).sum(axis=1),
        "lightest": (below < 99 * n[:, None]).sum(axis=1),
    }


def crispness(y: np.ndarray) -> float:
    """How much of the edges a small blur takes away, in [0, 1]; what is blurred already loses little.

    The re-blur idea of Crete et al. 2007, The blur effect, with Laplacians. On 7,797 clean images of four sets none but
    one lies below 0.40. It can't judge what has hardly any contrast.
    """
    edges = cv2.norm(cv2.Laplacian(y, cv2.CV_16S))
    left = cv2.norm(cv2.Laplacian(cv2.blur(y, (3, 3)), cv2.CV_16S))
    return max(0.0, 1 - left / edges) if edges else 0.0  # rounding may add an edge to the smoothest


def thumbnail(image: Pixels, side: int) -> np.ndarray:
    """Area-averaged uint8 [side, side, 3]; zeros for no image."""
    if image is None:
        return np.zeros((side, side, 3), np.uint8)
    return cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)


def quantization(data: bytes) -> int | None:
    """Sum of the first quantization table of a JPEG: the mark of the encoder's quality; None for other formats."""
    at = data.find(b"\xff\xdb", 0, 65536) if data[:2] == b"\xff\xd8" else -1
    return sum(data[at + 5 : at + 69]) if at >= 0 else None
