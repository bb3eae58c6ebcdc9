"""Snow and fog, made of random numbers alone.

After Hendrycks & Dietterich 2019, with the strengths of CIFAR-10-C. Their frost is cut from photographs of frost,
which are not part of imagetrail: it is left out, and nothing that only looks like it takes its name.
"""

import cv2
import numpy as np

from stages.core.evaluating.lenses import streak
from stages.core.evaluating.per_image import PAPER_SIDE, Images, scale_of

LUMA = np.array([0.299, 0.587, 0.114])  # of red, green and blue (ITU-R BT.601)


def fog(images: Images, strength: tuple[float, float], rng: np.random.Generator) -> Images:
    """Add this much light in clouds that lose this factor of their roughness with each finer scale; then dim."""
    light, decay = strength
    n, height, width, _ = images.shape
    clouds = plasma(n, max(height, width), decay, rng)[:, :height, :width, None]
    brightest = images.max(axis=(1, 2, 3), keepdims=True)
    return np.asarray((images + light * clouds) * brightest / (brightest + light))


def plasma(n: int, side: int, decay: float, rng: np.random.Generator) -> np.ndarray:
    """Heights float64 [n, 2^k, 2^k] from 0 to 1, with 2^k at least side, rough at every scale.

    Midpoints of squares, then of diamonds, are the mean of the four around them and a random number whose range falls
    by decay squared with each halving (Fournier, Fussell & Carpenter 1982; the square is the published fog's). Opposite
    edges meet.
    """
    heights, spread = np.zeros((n, 1, 1)), 1.0
    while heights.shape[1] < side:
        finer = np.repeat(np.repeat(heights, 2, axis=1), 2, axis=2)
        squares = heights + np.roll(heights, -1, 1)
        squares = (squares + np.roll(squares, -1, 2)) / 4
        finer[:, 1::2, 1::2] = squares + rng.uniform(-spread, spread, heights.shape)
        sides = [np.roll(finer, step, axis) for step in (-1, 1) for axis in (1, 2)]
        around = np.mean(sides, axis=0)
        for rows, columns in ((0, 1), (1, 0)):
            noise = rng.uniform(-spread, spread, heights.shape)
            finer[:, rows::2, columns::2] = around[:, rows::2, columns::2] + noise
        heights, spread = finer, spread / decay**2
    heights = heights - heights.min(axis=(1, 2), keepdims=True)
    return np.asarray(heights / np.maximum(heights.max(axis=(1, 2), keepdims=True), 1e-12))


def snow(images: Images, strength: tuple[float, ...], rng: np.random.Generator) -> Images:
    """Whiten the image, and let flakes fall through it twice, the second time upside down.

    strength: mean and deviation of the noise that flakes are cut from, their size, from which value on it is one,
    length and deviation of their streaks, share of the image's own light. Flakes are made for 32 pixels, then resized.
    """
    mean, deviation, size, least, length, fading, own = strength
    n, height, width, _ = images.shape
    small = [max(1, round(side / scale_of(images))) for side in (height, width)]
    noise = rng.normal(mean, deviation, (n, *small))
    streaks = [streak(round(length), fading, angle) for angle in rng.uniform(-135, -45, len(images))]
    flakes = [falling(one, (size, least), how) for one, how in zip(noise, streaks, strict=True)]
    layer = np.stack([cv2.resize(one, (width, height), interpolation=way(height)) for one in flakes])[..., None]
    white = own * images + (1 - own) * np.maximum(images, grey(images) * 1.5 + 0.5)
    return np.asarray(white + layer + layer[:, ::-1, ::-1])


def falling(noise: np.ndarray, cut: tuple[float, float], streaked: np.ndarray) -> np.ndarray:
    """Flakes float64 [h, w] from noise: its middle enlarged by cut[0], what is below cut[1] left out, then streaked."""
    height, width = noise.shape
    rows, columns = (int(np.ceil(side / cut[0])) for side in noise.shape)
    top, left = (height - rows) // 2, (width - columns) // 2
    near = cv2.resize(noise[top : top + rows, left : left + columns], (width, height))
    return np.asarray(cv2.filter2D(np.where(near < cut[1], 0, near).clip(0, 1), -1, streaked))


def way(height: int) -> int:
    """OpenCV's filter for resizing from the published size to this height."""
    return cv2.INTER_AREA if height < PAPER_SIDE else cv2.INTER_LINEAR


def grey(images: Images) -> Images:
    """Light [N, H, W, 1] of each pixel."""
    return images @ LUMA[:, None] if images.shape[-1] == len(LUMA) else images.mean(axis=-1, keepdims=True)
