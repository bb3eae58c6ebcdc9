"""Intervals from resampled images, for measures that are neither shares of images nor means over them.

All that an image adds to a measure is known before, so a resample is a few sums: 1,000 of 10,000 images take 0.4 s.
"""

import numpy as np

from stages.core.console import progress
from stages.core.evaluating.metrics import Outcomes, ratio
from stages.core.settings.evaluate_options import Evaluate

Interval = tuple[float, float]


def bootstrap(outcome: Outcomes, options: Evaluate) -> dict[str, Interval]:
    """Percentile intervals of precision and F1 over all classes (Efron & Tibshirani 1993), from images drawn anew.

    They are too short where few images are wrong: use them where `hits_variance` is large.
    """
    rng, n = np.random.default_rng(options.seed), len(outcome.truth)
    truth, answer, n_classes = outcome.truth, outcome.predicted, outcome.probabilities.shape[1]
    hit, rows = (truth == answer).astype(float), []
    for _ in progress(range(options.bootstrap), options.bootstrap, "intervals of precision and F1", "resamples"):
        weight = drawn(rng, n)
        counted = ((truth, weight * hit), (truth, weight), (answer, weight))
        rows.append([np.bincount(key, counts, n_classes) for key, counts in counted])
    hits, support, named = (np.array(part) for part in zip(*rows, strict=True))
    return {name: percentiles(values, options) for name, values in averages(hits, support, named).items()}


def drawn(rng: np.random.Generator, n: int) -> np.ndarray:
    """How often each of n images is drawn, with replacement: float64 [n]."""
    return np.bincount(rng.integers(0, n, n), minlength=n).astype(float)


def percentiles(values: np.ndarray, options: Evaluate) -> Interval:
    """The middle of resampled values [R]."""
    tail = (1 - options.confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def averages(hits: np.ndarray, support: np.ndarray, named: np.ndarray) -> dict[str, np.ndarray]:
    """Macro and weighted precision and F1 [R] from images by class [R, K]; absent classes are left out."""
    shape, present = hits.shape, support > 0
    weights = {
        "macro": present / present.sum(axis=1, keepdims=True),
        "weighted": support / support.sum(axis=1, keepdims=True),
    }
    values = {"precision": (hits, named), "f1": (2 * hits, named + support)}
    return {
        f"{how}_{name}": (ratio(upper.ravel(), lower.ravel()).reshape(shape) * weight).sum(axis=1)
        for name, (upper, lower) in values.items()
        for how, weight in weights.items()
    }


def calibration_interval(outcome: Outcomes, ece: float, options: Evaluate) -> Interval:
    """Interval of the expected calibration error, whose estimate is too high by what chance does to every bin.

    The percentiles of resamples are mirrored at the estimate, which takes that off (Davison & Hinkley 1997, the basic
    bootstrap); and it begins at 0 where a model that is as sure as it should be, with hits drawn at its confidences,
    would show as much (Bröcker & Smith 2007, Increasing the reliability of reliability diagrams).
    """
    rng, n, n_bins = np.random.default_rng(options.seed), len(outcome.truth), options.calibration_bins
    confidence = outcome.probabilities.max(axis=1)
    gap = (outcome.truth == outcome.predicted) - confidence
    place = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    again, honest = np.empty((2, options.bootstrap))
    for index in progress(range(options.bootstrap), options.bootstrap, "interval of ECE", "resamples"):
        again[index] = np.abs(np.bincount(place, drawn(rng, n) * gap, n_bins)).sum() / n
        honest[index] = np.abs(np.bincount(place, (rng.random(n) < confidence) - confidence, n_bins)).sum() / n
    low, high = percentiles(again, options)
    if ece <= percentiles(honest, options)[1]:
        return 0.0, max(ece, 2 * ece - low)
    return max(0.0, 2 * ece - high), max(ece, 2 * ece - low)
