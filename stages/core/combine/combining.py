"""Several candidates as one: averages, fitted weights, and heads on what the members say. Arithmetic on predictions."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stages.core.candidates.predictor import averaged, decided
from stages.core.evaluating.log_loss import TINY
from stages.core.heads import heads
from stages.core.heads.regularization import LabeledRows, Regularization, choose_c, grouped_folds, needs_choice
from stages.core.plain_text import one_line
from stages.core.settings.combine_options import Stack, Weighted
from stages.core.training.data import TrainingFailed

STEPS, STILL = 10_000, 1e-10  # of expectation maximization: at most, and a change that is none


@dataclass(frozen=True)
class Validation:
    """What a combination is fitted on: labels int64 [N], and the unit of each image, which no fold divides."""

    labels: np.ndarray
    units: np.ndarray


@dataclass(frozen=True)
class Combined:
    """A fitted combination: weights of the members or a head, and honest probabilities float32 [N, K] of validation.

    `held_out` come from weights or heads that have not seen the image; `about` is what the record says of the fit.
    """

    weights: list[float]
    held_out: np.ndarray
    head: Any = None
    about: dict[str, Any] = field(default_factory=dict)


def average(said: np.ndarray) -> Combined:
    """Equal weights. said: float32 [M, N, K], the members' probabilities of validation."""
    weights = [1 / len(said)] * len(said)
    return Combined(weights, averaged(said, weights))


def weighted(said: np.ndarray, validation: Validation, options: Weighted) -> Combined:
    """Weights that make all of validation most likely; each image is judged by those of the other folds."""
    held_out = np.zeros(said.shape[1:], np.float32)
    by_fold = []
    for fitted, judged in folds(validation, options.folds, options.seed):
        own = mixture_weights(said[:, fitted], validation.labels[fitted])
        held_out[judged] = averaged(said[:, judged], list(own))
        by_fold.append([rounded(weight) for weight in own])
    weights = mixture_weights(said, validation.labels)
    return Combined([float(weight) for weight in weights], held_out, about={"weights_by_fold": by_fold})


def stacked(rows: np.ndarray, validation: Validation, options: Stack, threads: int) -> Combined:
    """A head fitted on all of validation; each image is judged by one of the other folds. rows: float32 [N, D].

    Raises TrainingFailed where a class has too few images for it.
    """
    counts = np.bincount(validation.labels)
    if counts.min() < options.folds:
        raise TrainingFailed(f"a class has {counts.min()} validation images, and folds = {options.folds} needs as many")
    held_out = np.zeros((len(rows), len(counts)), np.float32)

    def fitted_on(places: np.ndarray) -> tuple[Any, Regularization | None]:
        own = LabeledRows(rows[places], validation.labels[places], validation.units[places])
        try:
            return fit_head(options, own, threads)
        except ValueError as error:
            raise TrainingFailed(f"the head can't be fitted so: {one_line(error)[:300]}") from error

    for fitted, judged in folds(validation, options.folds, options.seed):
        held_out[judged] = decided(fitted_on(fitted)[0], rows[judged])
    head, regularization = fitted_on(np.arange(len(rows)))
    return Combined([], held_out, head, {"regularization": regularization} if regularization else {})


def fit_head(options: Stack, rows: LabeledRows, threads: int) -> tuple[Any, Regularization | None]:
    """Fit the head of a stack; its C, where it is to be chosen, is chosen on these rows alone. Raises ValueError."""

    def unfitted(head: Any) -> Any:
        return heads.unfitted(head, None, False, options.seed)

    head, regularization = options.head, None
    if needs_choice(head):
        head, regularization = choose_c(head, unfitted, rows, False, threads)
    return heads.fitted(unfitted(head), rows.numbers, rows.labels, threads), regularization


def mixture_weights(said: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Weights float64 [M], at least 0 and 1 together, of the mixture that makes the labels most likely.

    said: probabilities [M, N, K]. The log loss of a mixture is convex in its weights, and expectation maximization
    (Dempster et al. 1977) descends it without a step size: a weight becomes its mean share of the true class.
    """
    at_truth = np.maximum(said[:, np.arange(len(labels)), labels].astype(np.float64), TINY)
    weights = np.full(len(said), 1 / len(said))
    for _ in range(STEPS):
        better = weights * (at_truth / (weights @ at_truth)).mean(axis=1)
        better /= better.sum()
        moved, weights = np.abs(better - weights).max(), better
        if moved < STILL:
            break
    return weights


def folds(validation: Validation, n: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (rows to fit on, rows to judge), int64: each row is judged once, classes evenly, units undivided."""
    yield from grouped_folds(validation.labels, validation.units, n, seed)


def accuracy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Share of images whose most probable class is theirs."""
    return float((probabilities.argmax(axis=1) == labels).mean())


def rounded(value: float) -> float:
    """Six digits: what a record can promise to repeat."""
    return float(f"{value:.6g}")
