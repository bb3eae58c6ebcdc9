"""Damage that images meet outside of a data set, at five severities: what a model's accuracy is held against.

Kinds and strengths are those of CIFAR-10-C (Hendrycks & Dietterich 2019, Benchmarking neural network robustness to
common corruptions and perturbations), without frost (see weather.py), and with shift and rotation beside them. Lengths
in pixels are shares of a 32-pixel image. The strengths stand here and not in params.yaml as they are a published
measure: another one would be another benchmark.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from stages.core.evaluating.lenses import defocus_blur, elastic, glass_blur, motion_blur, zoom_blur
from stages.core.evaluating.per_image import Images, each, middle_of, warped
from stages.core.evaluating.weather import fog, snow

SEVERITIES = 5
Damage = Callable[[Images, Any, np.random.Generator], Images]  # float64 [N, H, W, C] in [0, 1] -> the same


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
    middle = middle_of(images)
    return each(images, lambda image: warped(image, cv2.getRotationMatrix2D(middle, strength * next(sides), 1)))


KINDS: dict[str, tuple[Damage, tuple[Any, ...]]] = {  # the order gives each its random numbers: a new one stands last
    "gaussian noise": (gaussian_noise, (0.04, 0.06, 0.08, 0.09, 0.10)),
    "shot noise": (shot_noise, (500, 250, 100, 75, 50)),
    "impulse noise": (impulse_noise, (0.01, 0.02, 0.03, 0.05, 0.07)),
    "blur": (blur, (0.0125, 0.019, 0.022, 0.025, 0.031)),
    "motion blur": (motion_blur, ((6, 1.0), (6, 1.5), (6, 2.0), (8, 2.0), (9, 2.5))),
    "brightness": (brightness, (0.05, 0.1, 0.15, 0.2, 0.3)),
    "contrast": (contrast, (0.75, 0.5, 0.4, 0.3, 0.15)),
    "jpeg": (jpeg, (80, 65, 58, 50, 40)),
    "pixelate": (pixelate, (0.95, 0.9, 0.85, 0.75, 0.65)),
    "shift": (shift, (0.03, 0.06, 0.09, 0.12, 0.16)),
    "rotation": (rotation, (5, 10, 15, 20, 30)),
    "defocus blur": (defocus_blur, ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1.0, 0.2), (1.5, 0.1))),
    "glass blur": (glass_blur, ((0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2))),
    "zoom blur": (zoom_blur, (0.06, 0.11, 0.16, 0.21, 0.26)),
    "snow": (snow, (
        (0.1, 0.2, 1.0, 0.6, 8, 3, 0.95), (0.1, 0.2, 1.0, 0.5, 10, 4, 0.9), (0.15, 0.3, 1.75, 0.55, 10, 4, 0.9),
        (0.25, 0.3, 2.25, 0.6, 12, 6, 0.85), (0.3, 0.3, 1.25, 0.65, 14, 12, 0.8),
    )),
    "fog": (fog, ((0.2, 3.0), (0.5, 3.0), (0.75, 2.5), (1.0, 2.0), (1.5, 1.75))),
    "elastic": (elastic, (
        (0.0, 0.0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03),
    )),
}  # fmt: skip


def corrupted(images: Images, kind: str, severity: int, seed: int) -> Images:
    """Damage uint8 [N, H, W, C]; the same seed gives the same bytes. severity: 1 to SEVERITIES."""
    damage, strengths = KINDS[kind]
    rng = np.random.default_rng([seed, list(KINDS).index(kind), severity])
    found = damage(np.asarray(images) / 255, strengths[severity - 1], rng)
    return np.rint(found.clip(0, 1) * 255).astype(np.uint8)
