"""Every measure of both sides on the same images, with the interval of its difference."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.core.comparing.pairing import Pair
from stages.core.evaluating.metrics import (
    Outcomes,
    expected_calibration_error,
    in_top_k,
    prepared,
    ratio,
    roc_auc,
    wilson,
)
from stages.core.evaluating.significance import MEASURES, Answers, Comparison, compare
from stages.core.settings.evaluate_options import Evaluate

LESS_IS_BETTER = {"log_loss", "ece"}
MIRRORED = {"log_loss", "ece", "roc_auc"}  # their resamples lean to one side: benchmarks/coverage.py comparisons


@dataclass(frozen=True)
class Difference:
    """A measure of A and of B, B - A with its interval, and p-values where there is a test for it.

    tested.gain is B's advantage: positive where B is better, whatever the sign of the measure.
    """

    measure: str
    a: float
    b: float
    low: float
    high: float
    tested: Comparison | None

    @property
    def change(self) -> float:
        """B - A."""
        return self.b - self.a

    @property
    def b_is_better(self) -> bool:
        """Whether the change is for the better."""
        return self.change < 0 if self.measure in LESS_IS_BETTER else self.change > 0


def differences(pair: Pair, options: Evaluate) -> list[Difference]:
    """Compare in every measure that both sides allow. `options` name bins, level, resamples and seed."""
    weight, outcomes = np.ones(len(pair.a.truth)), outcomes_of(pair)
    a, b = (measures(*side, weight, options) for side in zip((pair.a, pair.b), outcomes, strict=True))
    intervals = bootstrap(pair, options) | proportions(pair, options)
    return [
        Difference(name, a[name], b[name], *intervals[name], tested(pair, name, options.seed))
        for name in a
        if math.isfinite(a[name]) and math.isfinite(b[name])
    ]


def tested(pair: Pair, measure: str, seed: int) -> Comparison | None:
    """The paired test of a measure, None where there is none; its gain is B's."""
    return compare(pair.b, pair.a, measure, seed) if measure in MEASURES else None


def measures(answers: Answers, outcome: Outcomes | None, weight: np.ndarray, options: Evaluate) -> dict[str, float]:
    """Measures of a side with each image counted `weight` times (float64 [N]).

    Those of hits and losses are means over seeds; those of all probabilities are of the first training.
    """
    trainings = [of_training(answers, seed, weight) for seed in range(answers.n_seeds)]
    found = {name: float(np.mean([training[name] for training in trainings])) for name in trainings[0]}
    return found | (of_probabilities(outcome, weight, options) if outcome else {})


def of_training(answers: Answers, seed: int, weight: np.ndarray) -> dict[str, float]:
    """Measures of one training's hits and losses; classes without images are left out of averages."""
    k = answers.n_classes
    cells = answers.truth * k + answers.predicted[seed]
    matrix = np.bincount(cells, weight, k * k).reshape(k, k)
    hits, support, named = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    total, present = matrix.sum(), support > 0
    recall, precision, f1 = ratio(hits, support), ratio(hits, named), ratio(2 * hits, named + support)
    return {
        "accuracy": float(hits.sum() / total),
        "balanced_accuracy": float(recall[present].mean()),
        "macro_f1": float(f1[present].mean()),
        "macro_precision": float(precision[present].mean()),
        "weighted_f1": float((f1 * support).sum() / total),
        "log_loss": float((weight * answers.losses[seed]).sum() / total),
    }


def of_probabilities(outcome: Outcomes, weight: np.ndarray, options: Evaluate) -> dict[str, float]:
    """Measures that need every probability."""
    k = options.top_k
    return {
        f"top{k}_accuracy": float(weight[in_top_k(outcome, k)].sum() / weight.sum()),
        "roc_auc": roc_auc(outcome, weight),
        "ece": expected_calibration_error(outcome, weight, options.calibration_bins),
    }


def outcomes_of(pair: Pair) -> list[Outcomes | None]:
    """The probabilities of A and of B, prepared; None twice for a pair without them."""
    return [prepared(pair.a.truth, found) for found in pair.probabilities] if pair.probabilities else [None, None]


def bootstrap(pair: Pair, options: Evaluate) -> dict[str, tuple[float, float]]:
    """Intervals of B - A from images drawn again, the same for both sides: percentiles (Efron & Tibshirani 1993).

    Those of MIRRORED at the difference that was measured (Davison & Hinkley 1997, the basic bootstrap), which none
    leaves out.
    """
    table, tail = pd.DataFrame(resampled(pair, options)), (1 - options.confidence) / 2
    whole = change(pair, outcomes_of(pair), np.ones(len(pair.a.truth)), options)
    found = {}
    for name in map(str, table):
        low, high = float(table[name].quantile(tail)), float(table[name].quantile(1 - tail))
        if name in MIRRORED:
            low, high = 2 * whole[name] - high, 2 * whole[name] - low
        found[name] = min(low, whole[name]), max(high, whole[name])
    return found


def resampled(pair: Pair, options: Evaluate) -> Iterator[dict[str, float]]:
    """B - A in every measure, for each set of images drawn."""
    rng, n, outcomes = np.random.default_rng(options.seed), len(pair.a.truth), outcomes_of(pair)
    for _ in range(options.bootstrap):
        yield change(pair, outcomes, np.bincount(rng.integers(0, n, n), minlength=n).astype(float), options)


def change(pair: Pair, outcomes: list[Outcomes | None], weight: np.ndarray, options: Evaluate) -> dict[str, float]:
    """B - A in every measure, with each image counted `weight` times (float64 [N])."""
    a, b = (measures(*side, weight, options) for side in zip((pair.a, pair.b), outcomes, strict=True))
    return {name: b[name] - a[name] for name in a}


def proportions(pair: Pair, options: Evaluate) -> dict[str, tuple[float, float]]:
    """Intervals of proportions of images, where a single training each makes them such."""
    hits = {}
    if pair.a.n_seeds == pair.b.n_seeds == 1:
        hits["accuracy"] = [side.predicted[0] == side.truth for side in (pair.a, pair.b)]
    if pair.probabilities:
        hits[f"top{options.top_k}_accuracy"] = [in_top_k(o, options.top_k) for o in outcomes_of(pair) if o]
    return {name: newcombe(a, b, options.confidence) for name, (a, b) in hits.items()}


def newcombe(a: np.ndarray, b: np.ndarray, confidence: float) -> tuple[float, float]:
    """Interval of the difference B - A of two proportions of the same images; bool [N] each.

    Method 10 of Newcombe (1998, Statistics in Medicine 17:2635), from Wilson's intervals: keeps its level also where
    few images, or none, tell the two apart, where a bootstrap has an interval of no width.
    """
    n, both, neither = len(a), int((a & b).sum()), int((~a & ~b).sum())
    only_b, only_a = int((b & ~a).sum()), int((a & ~b).sum())
    p_b, p_a = (both + only_b) / n, (both + only_a) / n
    (low_b, high_b), (low_a, high_a) = wilson(both + only_b, n, confidence), wilson(both + only_a, n, confidence)
    phi = correlation(both, only_b, only_a, neither)
    down = (p_b - low_b) ** 2 - 2 * phi * (p_b - low_b) * (high_a - p_a) + (high_a - p_a) ** 2
    up = (high_b - p_b) ** 2 - 2 * phi * (high_b - p_b) * (p_a - low_a) + (p_a - low_a) ** 2
    change = p_b - p_a
    return change - math.sqrt(max(down, 0.0)), change + math.sqrt(max(up, 0.0))


def correlation(both: int, only_b: int, only_a: int, neither: int) -> float:
    """Pearson's phi of a table of four counts, with Newcombe's correction for continuity; 0 where a margin is empty."""
    n = both + only_b + only_a + neither
    margins = (both + only_b) * (only_a + neither) * (both + only_a) * (only_b + neither)
    if margins == 0:
        return 0.0
    raw = both * neither - only_b * only_a
    corrected = max(raw - n / 2, 0.0) if raw > 0 else raw
    return corrected / math.sqrt(margins)
