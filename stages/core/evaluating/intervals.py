"""Intervals of measures that hold their level: what can't be known from so few images gets none.

Their coverage, also where it is known to be short, is simulated in benchmarks/coverage.py.
"""

import math
from statistics import NormalDist

import numpy as np

from stages.core.evaluating.log_loss import losses
from stages.core.evaluating.metrics import Outcomes, confusion_matrix, measures, wilson
from stages.core.evaluating.ranking import auc_interval
from stages.core.evaluating.resampling import bootstrap, calibration_interval
from stages.core.settings.evaluate_options import Evaluate

Interval = tuple[float, float]


def proportion(n_hits: float, n: float, confidence: float) -> Interval:
    """Wilson's interval of a proportion; of no images, that it is something from 0 to 1."""
    return wilson(n_hits, int(n), confidence) if n else (0.0, 1.0)


def mean_of_proportions(hits: np.ndarray, support: np.ndarray, confidence: float) -> Interval:
    """Interval of the plain mean of K independent proportions hits / support, both [K], support above 0.

    Two hits and two misses, spread over the K, are added before its variance is taken (Price & Bonett 2004, An improved
    confidence interval for a linear function of binomial proportions): it knows that a class without mistakes may have
    some. Against resampling and MOVER: docs/evaluation.md.
    """
    n_classes = len(support)
    n = support + 4 / n_classes
    shares = (hits + 2 / n_classes) / n
    half = NormalDist().inv_cdf((1 + confidence) / 2) * math.sqrt((shares * (1 - shares) / n).sum()) / n_classes
    return max(0.0, float(shares.mean()) - half), min(1.0, float(shares.mean()) + half)


def difference(first: tuple[float, int], second: tuple[float, int], confidence: float) -> Interval:
    """Interval of the difference p - q of two proportions of different images, each given as (share, images).

    Newcombe 1998, Interval estimation for the difference between independent proportions, method 10.
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


def loss_interval(outcome: Outcomes, confidence: float) -> Interval:
    """Interval of the log loss, a mean of N values of which few are large: normal on the scale of its logarithm."""
    n = len(outcome.truth)
    found = losses(outcome.probabilities, outcome.truth)
    mean = float(found.mean())
    if n < 2 or mean <= 0:
        return mean, mean
    half = NormalDist().inv_cdf((1 + confidence) / 2) * float(found.std(ddof=1)) / math.sqrt(n) / mean
    return mean * math.exp(-half), mean * math.exp(half)


def measured(outcome: Outcomes, options: Evaluate) -> dict[str, float]:
    """Measures of a split, each with `_low` and `_high`, and `hits_variance`.

    Shares of images and means of the classes' recalls always have an interval. All others have one only where
    `hits_variance` is at least options.bootstrap_from: of fewer mistakes, no method knows.
    """
    n = len(outcome.truth)
    values = measures(outcome, np.ones(n), options)
    spread = variance_of_hits(values["accuracy"], n)
    intervals = of_shares(outcome, values, options)
    if spread >= options.bootstrap_from:
        intervals |= of_others(outcome, values, options)
    flat = {"n_images": float(n), "hits_variance": spread}
    for name, value in values.items():
        flat[name] = value
        if name in intervals:
            flat[f"{name}_low"], flat[f"{name}_high"] = intervals[name]
    return {name: value for name, value in flat.items() if math.isfinite(value)}


def of_others(outcome: Outcomes, values: dict[str, float], options: Evaluate) -> dict[str, Interval]:
    """Intervals of the measures that are neither shares nor means of shares."""
    area = auc_interval(outcome, values["roc_auc"], options.confidence)
    return {
        **bootstrap(outcome, options),
        "log_loss": loss_interval(outcome, options.confidence),
        "ece": calibration_interval(outcome, values["ece"], options),
        **({"roc_auc": area} if area else {}),
    }


def of_shares(outcome: Outcomes, values: dict[str, float], options: Evaluate) -> dict[str, Interval]:
    """Intervals of the measures that are shares of images, or means of such shares."""
    n, matrix = len(outcome.truth), confusion_matrix(outcome)
    support = matrix.sum(axis=1)
    hits = np.diag(matrix)
    over_classes = mean_of_proportions(hits[support > 0], support[support > 0], options.confidence)
    shares = ("accuracy", "weighted_recall", f"top{options.top_k}_accuracy")  # weighted recall is the accuracy
    found = {name: wilson(values[name] * n, n, options.confidence) for name in shares}
    return found | dict.fromkeys(("balanced_accuracy", "macro_recall"), over_classes)
