"""Intervals of measures that hold their level: what can't be known from so few images gets none.

Their coverage, also where it is known to be short, is simulated in benchmarks/coverage.py.
"""

import math

import numpy as np

from stages.core.evaluating.metrics import Outcomes, bootstrap, confusion_matrix, measures, wilson
from stages.core.settings.options import Evaluate

Interval = tuple[float, float]


def proportion(n_hits: float, n: float, confidence: float) -> Interval:
    """Wilson's interval of a proportion; of no images, that it is something from 0 to 1."""
    return wilson(n_hits, int(n), confidence) if n else (0.0, 1.0)


def mean_of_proportions(hits: np.ndarray, support: np.ndarray, confidence: float) -> Interval:
    """Interval of the plain mean of K independent proportions hits / support, both [K], support above 0.

    Each one's distance to its own Wilson limits, added as variances are: MOVER (Zou & Donner 2008, Construction of
    confidence limits about effect measures). Unlike resampling it knows that a class without mistakes may have some.
    """
    shares = hits / support
    bounds = np.array([wilson(h, int(n), confidence) for h, n in zip(hits, support, strict=True)])
    below, above = (np.sqrt(((shares - bounds[:, side]) ** 2).sum()) / len(shares) for side in (0, 1))
    return max(0.0, float(shares.mean() - below)), min(1.0, float(shares.mean() + above))


def difference(first: tuple[float, int], second: tuple[float, int], confidence: float) -> Interval:
    """Interval of the difference p - q of two proportions of different images, each given as (share, images).

    Newcombe 1998, Interval estimation for the difference between independent proportions, method 10: MOVER of two.
    """
    (p, n), (q, m) = first, second
    (p_low, p_high), (q_low, q_high) = wilson(p * n, n, confidence), wilson(q * m, m, confidence)
    return p - q - math.hypot(p - p_low, q_high - q), p - q + math.hypot(p_high - p, q - q_low)


def f1_interval(n_hits: float, n_named_or_true: float, confidence: float) -> Interval:
    """Interval of F1 = 2 J / (1 + J), where J is the share of hits among the images of a class or named so.

    J is a proportion, with Wilson's interval (Lam et al. 2023, Confidence intervals for the F1 score).
    """
    low, high = proportion(n_hits, n_named_or_true, confidence)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def variance_of_hits(accuracy: float, n_images: int) -> float:
    """Variance n p (1 - p) of the number of hits: resamples say something only where it is large."""
    return n_images * accuracy * (1 - accuracy)


def measured(outcome: Outcomes, options: Evaluate) -> dict[str, float]:
    """Measures of a split, each with `_low` and `_high`, and `hits_variance`.

    Wilson for shares of images; MOVER for means of the classes' recalls; for all others percentiles of resamples where
    `hits_variance` is at least options.bootstrap_from, and none where it is not.
    """
    n = len(outcome.truth)
    values = measures(outcome, np.ones(n), options)
    spread = variance_of_hits(values["accuracy"], n)
    intervals = bootstrap(outcome, options) if spread >= options.bootstrap_from else {}
    intervals |= of_shares(outcome, values, options)
    flat = {"n_images": float(n), "hits_variance": spread}
    for name, value in values.items():
        flat[name] = value
        if name in intervals:
            flat[f"{name}_low"], flat[f"{name}_high"] = intervals[name]
    return {name: value for name, value in flat.items() if math.isfinite(value)}


def of_shares(outcome: Outcomes, values: dict[str, float], options: Evaluate) -> dict[str, Interval]:
    """Intervals of the measures that are shares of images, or means of such shares."""
    n, matrix = len(outcome.truth), confusion_matrix(outcome)
    support = matrix.sum(axis=1)
    hits = np.diag(matrix)
    over_classes = mean_of_proportions(hits[support > 0], support[support > 0], options.confidence)
    shares = ("accuracy", "weighted_recall", f"top{options.top_k}_accuracy")  # weighted recall is the accuracy
    found = {name: wilson(values[name] * n, n, options.confidence) for name in shares}
    return found | dict.fromkeys(("balanced_accuracy", "macro_recall"), over_classes)
