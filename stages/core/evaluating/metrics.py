"""Measures of a classifier as functions of its predictions alone, with intervals."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from stages.core.evaluating.log_loss import losses
from stages.core.settings.evaluate_options import Evaluate


@dataclass(frozen=True)
class Outcomes:
    """Predictions of one split, prepared for measuring with any weights.

    truth int64 [N]; probabilities float64 [N, K]; rank of each probability within its class, ties sharing one,
    int64 [N, K].
    """

    truth: np.ndarray
    probabilities: np.ndarray
    ranks: np.ndarray

    @property
    def predicted(self) -> np.ndarray:
        """Class of the highest probability, the first of equals, int64 [N]."""
        return self.probabilities.argmax(axis=1)


def classes_of(predictions: pd.DataFrame) -> list[str]:
    """Names of the classes, in the order of their ids."""
    return [name.removeprefix("p.") for name in predictions.columns if name.startswith("p.")]


def outcomes(predictions: pd.DataFrame, split: str) -> Outcomes:
    """Take the rows of one split out of a predictions table."""
    rows, classes = predictions[predictions["split"] == split], classes_of(predictions)
    probabilities = rows[[f"p.{name}" for name in classes]].to_numpy(np.float64)
    truth = rows["label"].map({name: index for index, name in enumerate(classes)}).to_numpy(np.int64)
    return prepared(truth, probabilities)


def prepared(truth: np.ndarray, probabilities: np.ndarray) -> Outcomes:
    """Prepare labels int [N] and probabilities [N, K] for measuring."""
    ranks = [np.unique(column, return_inverse=True)[1] for column in probabilities.T]
    return Outcomes(truth, probabilities, np.stack(ranks, axis=1) if len(truth) else np.zeros((0, 0), int))


def confusion_matrix(outcome: Outcomes, weight: np.ndarray | None = None) -> np.ndarray:
    """Images [K, K] by true class (row) and predicted class (column); float64 where weighted."""
    n_classes = outcome.probabilities.shape[1]
    cells = outcome.truth * n_classes + outcome.predicted
    return np.bincount(cells, weight, n_classes**2).reshape(n_classes, n_classes)


def measures(outcome: Outcomes, weight: np.ndarray, options: Evaluate) -> dict[str, float]:
    """All measures with each image counted `weight` times (float64 [N]); absent classes are left out of averages."""
    matrix = confusion_matrix(outcome, weight)
    total, hits = matrix.sum(), np.diag(matrix)
    support, named = matrix.sum(axis=1), matrix.sum(axis=0)
    present = support > 0
    precision, recall = ratio(hits, named), ratio(hits, support)
    f1 = ratio(2 * hits, named + support)
    shares = support / total
    averages = {
        f"{how}_{name}": float((values * factor).sum())
        for name, values in (("precision", precision), ("recall", recall), ("f1", f1))
        for how, factor in (("macro", present / present.sum()), ("weighted", shares))
    }
    return {
        "accuracy": float(hits.sum() / total),
        f"top{options.top_k}_accuracy": float(weight[in_top_k(outcome, options.top_k)].sum() / total),
        "balanced_accuracy": float(recall[present].mean()),
        **averages,
        "log_loss": float((weight * losses(outcome.probabilities, outcome.truth)).sum() / total),
        "roc_auc": roc_auc(outcome, weight),
        "ece": expected_calibration_error(outcome, weight, options.calibration_bins),
    }


def ratio(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
    """Quotient upper / lower, 0 where lower is 0."""
    return np.divide(upper, lower, out=np.zeros(len(lower)), where=lower > 0)


def in_top_k(outcome: Outcomes, k: int) -> np.ndarray:
    """Whether fewer than k classes are more probable than the true one, bool [N]."""
    at_truth = outcome.probabilities[np.arange(len(outcome.truth)), outcome.truth]
    return (outcome.probabilities > at_truth[:, None]).sum(axis=1) < k


def roc_auc(outcome: Outcomes, weight: np.ndarray) -> float:
    """Area under the ROC curve, one class against the rest, averaged over the classes present.

    The probability that an image of the class outranks another; ties count half (Hanley & McNeil 1982).
    """
    areas = []
    for k in range(outcome.probabilities.shape[1]):
        own = outcome.truth == k
        ranks, n_ranks = outcome.ranks[:, k], outcome.ranks[:, k].max() + 1
        inside = np.bincount(ranks[own], weight[own], n_ranks)
        outside = np.bincount(ranks[~own], weight[~own], n_ranks)
        pairs = inside.sum() * outside.sum()
        if pairs > 0:
            below = np.cumsum(outside) - outside
            areas.append(float((inside * (below + outside / 2)).sum() / pairs))
    return float(np.mean(areas)) if areas else math.nan


def expected_calibration_error(outcome: Outcomes, weight: np.ndarray, n_bins: int) -> float:
    """Mean distance between confidence and accuracy over equal-width bins, weighted (Guo et al. 2017)."""
    confidence = outcome.probabilities.max(axis=1)
    place = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    hit = (outcome.predicted == outcome.truth).astype(float)
    gaps = np.bincount(place, weight * (hit - confidence), n_bins)
    return float(np.abs(gaps).sum() / weight.sum())


def wilson(n_hits: float, n: int, confidence: float) -> tuple[float, float]:
    """Wilson's interval of a proportion (Wilson 1927): holds its level also near 0 and 1."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, squared = n_hits / n, z * z / n
    middle = (share + squared / 2) / (1 + squared)
    half = z / (1 + squared) * math.sqrt(share * (1 - share) / n + squared / (4 * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def confusions(outcome: Outcomes, classes: list[str], most: int) -> pd.DataFrame:
    """The most frequent mistakes: true class, predicted class, images, and their share of the true class."""
    matrix = confusion_matrix(outcome)
    rows = [
        {
            "true": classes[i],
            "predicted": classes[j],
            "n_images": int(matrix[i, j]),
            "share": matrix[i, j] / matrix[i].sum(),
        }
        for i in range(len(classes))
        for j in range(len(classes))
        if i != j and matrix[i, j]
    ]
    table = pd.DataFrame(rows, columns=["true", "predicted", "n_images", "share"])
    return table.sort_values(["n_images", "share"], ascending=False, kind="stable").head(most)
