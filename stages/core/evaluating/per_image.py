"""Changing a batch one image after another: OpenCV takes no batches, and drops a single channel."""

from collections.abc import Callable

import cv2
import numpy as np

Images = np.ndarray  # float64 [N, H, W, C] in [0, 1]
PAPER_SIDE = 32  # pixels of a CIFAR-10 image, for which lengths are published


def each(images: Images, change: Callable[[np.ndarray], np.ndarray]) -> Images:
    """Change one image after another; OpenCV drops a single channel, which is put back."""
    return np.stack([change(image).reshape(image.shape) for image in images])


def scale_of(images: Images) -> float:
    """What a published length in pixels is multiplied by: lengths are shares of the longer side."""
    return max(images.shape[1:3]) / PAPER_SIDE


def middle_of(images: Images) -> tuple[float, float]:
    """The middle of an image, (x, y) in pixels."""
    height, width = images.shape[1:3]
    return (width - 1) / 2, (height - 1) / 2


def warped(image: np.ndarray, move: np.ndarray, border: int = cv2.BORDER_REPLICATE) -> np.ndarray:
    """One image [H, W, C] moved by an affine map [2, 3], with its border repeated."""
    size = (image.shape[1], image.shape[0])
    return np.asarray(cv2.warpAffine(image, move, size, flags=cv2.INTER_LINEAR, borderMode=border))
