"""Answering only when sure: how many mistakes are left at each share answered, and where a wanted precision is met."""

import math

import numpy as np
import pandas as pd

from stages.core.evaluating.metrics import Outcomes
from stages.core.evaluating.significance import holm
from stages.core.evaluating.thinning import thinned
from stages.core.settings.evaluate_options import Evaluate

POINTS = 200  # rows of a curve


def risk_coverage(outcome: Outcomes) -> pd.DataFrame:
    """Of the images whose confidence is at least `threshold`: their share (coverage), and the share of wrong answers.

    A row for each confidence that occurs, thinned to POINTS, surest first (El-Yaniv & Wiener 2010, On the foundations
    of noise-free selective classification).
    """
    confidence, wrong = surest_first(outcome)
    last = np.append(confidence[1:] != confidence[:-1], True)[: len(confidence)]  # equal ones are answered together
    n = np.arange(1, len(confidence) + 1)
    columns = {"threshold": confidence, "coverage": n / max(len(n), 1), "risk": wrong.cumsum() / n}
    return pd.DataFrame({name: thinned(values[last], POINTS) for name, values in columns.items()})


def threshold_of(outcome: Outcomes, options: Evaluate) -> float | None:
    """The confidence from which at least `wanted_precision` of all answers are right, as far as one can know.

    Of `threshold_steps` shares of the images, surest first, the largest for which a one-sided exact binomial test at
    1 - confidence, corrected after Holm (1979) for all shares, rejects a lower precision; the threshold lies halfway to
    the next image, and is 0 where all images pass. None where no share passes. Geifman & El-Yaniv 2017, Selective
    classification for deep neural networks, bound the same risk by a binary search, with Bonferroni's correction.
    """
    from scipy.stats import binom

    confidence, wrong = surest_first(outcome)
    level = 1 - options.confidence
    least = math.log(level) / math.log(options.wanted_precision)  # fewer images can't pass, were they all right
    sizes = [size for size in shares(confidence, options.threshold_steps) if size >= least]
    p = [float(binom.sf(size - wrong[:size].sum() - 1, size, options.wanted_precision)) for size in sizes]
    passed = [size for size, one in zip(sizes, holm(p, len(p)), strict=True) if one <= level]
    if not passed:
        return None
    size = max(passed)
    return (float(confidence[size - 1]) + float(confidence[size])) / 2 if size < len(confidence) else 0.0


def surest_first(outcome: Outcomes) -> tuple[np.ndarray, np.ndarray]:
    """Confidence float64 [N] from high to low, and whether the answer was wrong, bool [N]."""
    confidence = outcome.probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    return confidence[order], (outcome.predicted != outcome.truth)[order]


def shares(confidence: np.ndarray, steps: int) -> list[int]:
    """Numbers of images that are answered at each of `steps` equal steps, those of equal confidence together."""
    n = len(confidence)
    wanted = [math.ceil(n * step / steps) for step in range(1, steps + 1)] if n else []
    return sorted({int((confidence >= confidence[size - 1]).sum()) for size in wanted})
