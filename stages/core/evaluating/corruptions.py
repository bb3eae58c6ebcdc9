"""Damage that images meet outside of a data set, at five severities: what a model's accuracy is held against.

Kinds and strengths are those of CIFAR-10-C (Hendrycks & Dietterich 2019, Benchmarking neural network robustness to
common corruptions and perturbations), without weather, and with shift and rotation beside them. Strengths in pixels are
shares of a 32-pixel image.
"""

from collections.abc import Callable

import cv2
import numpy as np

SEVERITIES = 5
Images = np.ndarray
Damage = Callable[[Images, float, np.random.Generator], Images]  # float64 [N, H, W, C] in [0, 1] -> the same


def gaussian_noise(images: Images, strength: float, rng: np.random.Generator) -> Images:
    """Add normal noise of this standard deviation."""
    return images + rng.normal(0, strength, images.shape)


def shot_noise(images: Images, strength: float, rng: np.random.Generator) -> Images:
    """Count photons, of which a white pixel has this many."""
    return np.asarray(rng.poisson(images * strength) / strength)


def impulse_noise(images: Images, strength: float, rng: np.random.Generator) -> Images:
    """Turn this share of all values black or white."""
    hit, white = rng.random(images.shape) < strength, rng.random(images.shape) < 0.5
    return np.where(hit, white, images)


def blur(images: Images, strength: float, rng: np.random.Generator) -> Images:
    """Blur with a Gaussian whose deviation is this share of the longer side."""
    sigma = strength * max(images.shape[1:3])
    return each(images, lambda image: cv2.GaussianBlur(image, (0, 0), sigma))


def motion_blur(images: Images, strength: float, rng: np.random.Generator) -> Images:
    """Smear along the rows over this share of the longer side."""
    length = max(2, round(strength * max(images.shape[1:3])))
    return each(images, lambda image: cv2.blur(image, (length, 1)))


def brightness(images: Images, strength: float, rng: np.random.Generator) -> Images:
    """Add this much light."""
    return images + strength


def contrast(images: Images, strength: float, rng: np.random.Generator) -> Images:
    """Keep this share of the distance to the image's mean."""
    mean = images.mean(axis=(1, 2), keepdims=True)
    return np.asarray(mean + (images - mean) * strength)


def jpeg(images: Images, strength: float, rng: np.random.Generator) -> Images:
    """Store as JPEG of this quality."""

    def stored(image: np.ndarray) -> np.ndarray:
        values = np.rint(image.clip(0, 1) * 255).astype(np.uint8)
        _, code = cv2.imencode(".jpg", values, [cv2.IMWRITE_JPEG_QUALITY, round(strength)])
        return np.asarray(cv2.imdecode(code, cv2.IMREAD_UNCHANGED)) / 255

    return each(images, stored)


def pixelate(images: Images, strength: float, rng: np.random.Generator) -> Images:
    """Store at this share of its size, and enlarge again."""
    height, width = images.shape[1:3]
    small = (max(1, round(width * strength)), max(1, round(height * strength)))

    def coarse(image: np.ndarray) -> np.ndarray:
        return cv2.resize(
            cv2.resize(image, small, interpolation=cv2.INTER_AREA), (width, height), interpolation=cv2.INTER_NEAREST
        )

    return each(images, coarse)


def shift(images: Images, strength: float, rng: np.random.Generator) -> Images:
    """Move by this share of the size, in a direction drawn for each image; what comes in repeats the border."""
    angles = iter(rng.uniform(0, 2 * np.pi, len(images)))
    height, width = images.shape[1:3]

    def moved(image: np.ndarray) -> np.ndarray:
        angle = next(angles)
        move = [[1, 0, strength * width * np.cos(angle)], [0, 1, strength * height * np.sin(angle)]]
        return warped(image, np.array(move))

    return each(images, moved)


def rotation(images: Images, strength: float, rng: np.random.Generator) -> Images:
    """Turn by this many degrees, to a side drawn for each image."""
    sides = iter(rng.choice([-1, 1], len(images)))
    height, width = images.shape[1:3]
    middle = ((width - 1) / 2, (height - 1) / 2)
    return each(images, lambda image: warped(image, cv2.getRotationMatrix2D(middle, strength * next(sides), 1)))


def warped(image: np.ndarray, move: np.ndarray) -> np.ndarray:
    """One image [H, W, C] moved by an affine map [2, 3], with its border repeated."""
    size = (image.shape[1], image.shape[0])
    return np.asarray(cv2.warpAffine(image, move, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def each(images: Images, change: Callable[[np.ndarray], np.ndarray]) -> Images:
    """Change one image after another; OpenCV drops a single channel, which is put back."""
    return np.stack([change(image).reshape(image.shape) for image in images])


KINDS: dict[str, tuple[Damage, tuple[float, ...]]] = {
    "gaussian noise": (gaussian_noise, (0.04, 0.06, 0.08, 0.09, 0.10)),
    "shot noise": (shot_noise, (500, 250, 100, 75, 50)),
    "impulse noise": (impulse_noise, (0.01, 0.02, 0.03, 0.05, 0.07)),
    "blur": (blur, (0.0125, 0.019, 0.022, 0.025, 0.031)),
    "motion blur": (motion_blur, (0.06, 0.09, 0.12, 0.16, 0.19)),
    "brightness": (brightness, (0.05, 0.1, 0.15, 0.2, 0.3)),
    "contrast": (contrast, (0.75, 0.5, 0.4, 0.3, 0.15)),
    "jpeg": (jpeg, (80, 65, 58, 50, 40)),
    "pixelate": (pixelate, (0.95, 0.9, 0.85, 0.75, 0.65)),
    "shift": (shift, (0.03, 0.06, 0.09, 0.12, 0.16)),
    "rotation": (rotation, (5, 10, 15, 20, 30)),
}


def corrupted(images: Images, kind: str, severity: int, seed: int) -> Images:
    """Damage uint8 [N, H, W, C]; the same seed gives the same bytes. severity: 1 to SEVERITIES."""
    damage, strengths = KINDS[kind]
    rng = np.random.default_rng([seed, list(KINDS).index(kind), severity])
    found = damage(np.asarray(images) / 255, strengths[severity - 1], rng)
    return np.rint(found.clip(0, 1) * 255).astype(np.uint8)
