"""What is particular to each picture among those of its set, and how alike two of them are by chance.

Where all pictures stand in the same place, as garments or cells on one background do, any two correlate, and what
correlates is the set. So its mean is taken away, and every direction weighs the less the more the set varies along it
(whitening, Kessy et al. 2018, Optimal whitening and decorrelation). What two pictures still share is their own.
"""

from dataclasses import dataclass

import numpy as np

DIMENSIONS = 128
SAMPLE = 1024  # pictures that whitening is fitted on
FEWEST = 32  # pictures from which on a set says what is common to it
SHRINKAGE = 1.0  # of the variance of all directions, divided by the pictures: what few pictures don't show to be noise
COPIES = 16  # of each picture that may stand in the set before they count as chance
RAREST = 0.001  # share of the pairs from which the tail is drawn on: 500 pairs of a sample
TINY = 1e-6


@dataclass(frozen=True)
class Whitening:
    """mean: float32 [D]; axes: float32 [D, DIMENSIONS], each direction divided by how much the set varies along it."""

    mean: np.ndarray
    axes: np.ndarray


def fit_whitening(sample: np.ndarray) -> Whitening:
    """Fit to float32 [n, D], a row a picture. Of fewer than FEWEST only the axes are taken, and all weigh the same."""
    few = len(sample) < FEWEST
    mean = np.zeros(sample.shape[1], np.float32) if few else sample.mean(axis=0)
    centred = sample - mean
    axes = main_axes(centred)
    if few:
        return Whitening(mean, axes)
    along = centred @ axes
    variance, turn = np.linalg.eigh((along.T @ along / len(sample)).astype(np.float64))
    least = SHRINKAGE / len(sample) * (centred.astype(np.float64) ** 2).sum() / len(sample)
    scale = np.sqrt(np.maximum(variance, 0) + max(least, TINY))
    return Whitening(mean, (axes @ turn / scale).astype(np.float32))


def main_axes(sample: np.ndarray) -> np.ndarray:
    """Orthonormal axes [D, DIMENSIONS] near the principal ones of float32 [n, D], by power iteration.

    Halko et al. 2011, algorithm 4.4, from fixed directions.
    """
    axes = np.random.default_rng(1).standard_normal((sample.shape[1], DIMENSIONS)).astype(np.float32)
    for _ in range(3):
        axes = np.linalg.qr(sample.T @ (sample @ axes))[0]
    return axes


def whitened(rows: np.ndarray, whitening: Whitening) -> np.ndarray:
    """Unit vectors float32 [n, DIMENSIONS] of float32 [n, D]: their dot products are the whitened correlations."""
    points = (rows - whitening.mean) @ whitening.axes
    return points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), TINY)


def chance_limit(points: np.ndarray, n_images: int, max_chance: float) -> float:
    """The correlation that `max_chance` pairs an image would reach by chance in a set of n_images.

    points: float32 [n, DIMENSIONS] of a sample without equal pictures. Two quantiles of all its pairs, high enough for
    pairs within a class to count, low enough for copies not to, are drawn on as a normal tail of Fisher's z.
    """
    from scipy.stats import norm

    first, second = np.triu_indices(len(points), 1)
    z = np.arctanh(np.clip((points @ points.T)[first, second].astype(np.float64), -1 + TINY, 1 - TINY))
    rare = min(0.25, max(RAREST, COPIES / n_images))
    shares = np.array([min(0.5, 10 * rare), rare])
    low, high = np.quantile(z, 1 - shares)
    wanted, below, above = norm.isf([2 * max_chance / (n_images - 1), *shares])
    return round(float(np.tanh(high + (high - low) / (above - below) * (wanted - above))), 3)
