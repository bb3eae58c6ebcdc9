"""How an image looks, in a few numbers from one decode: light, contrast, crispness, and a thumbnail.

OpenCV does each in microseconds, so that the gate stays near the speed of decoding; with Pillow and NumPy these would
cost three times the decoding (docs/log.md).
"""

from collections.abc import Sequence

import cv2
import numpy as np

SIDE = 256  # pixels of the longer side at which light and crispness are judged: blur is seen at the size it is used at
LEVELS = np.arange(256)
Pixels = np.ndarray | None


def looks(images: Sequence[Pixels], side: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Measure uint8 [H, W, 3] images, None for an unreadable one.

    Returns ({name: float64 [N]}, thumbnails uint8 [N, side, side, 3]).
    red, green, blue: means of the thumbnail; brightness and contrast: mean and standard deviation of luma; darkest and
    lightest: its 1st and 99th percentile; crispness: see there. All but the last in units of 0-255.
    """
    cv2.setNumThreads(1)  # the cores are busy with other chunks
    lumas = [luma(image) for image in images]
    found = light(np.stack([histogram(y) for y in lumas]))
    found["crispness"] = np.array([crispness(y) for y in lumas])
    small = np.stack([thumbnail(image, side) for image in images])
    means = small.mean(axis=(1, 2))
    return found | {name: means[:, channel] for channel, name in enumerate(("red", "green", "blue"))}, small


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
    counts = histograms.astype(np.int64)  # whole numbers: the order of adding, another processor's say, changes nothing
    n = counts.sum(axis=1)
    first, second = (counts * LEVELS).sum(axis=1), (counts * LEVELS**2).sum(axis=1)
    below = counts.cumsum(axis=1) * 100
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
