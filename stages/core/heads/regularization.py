"""The C of a head by cross-validation on the very rows that it is fitted on: groups undivided, classes evenly."""

import hashlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stages.core.settings.head_options import CrossValidatedC

Regularization = dict[str, Any]


@dataclass(frozen=True)
class LabeledRows:
    """Rows float32 [N, D] with class ids int [N] and groups int [N]: rows of one group never part."""

    numbers: np.ndarray
    labels: np.ndarray
    groups: np.ndarray


def needs_choice(options: Any) -> bool:
    """Whether the C of a `head` section is still to be chosen."""
    return isinstance(getattr(options, "c", None), CrossValidatedC)


def choose_c(
    options: Any, make_head: Callable[[Any], Any], rows: LabeledRows, balanced: bool, threads: int
) -> tuple[Any, Regularization]:
    """Return the options with the C of the best score, the smallest of equals, and what a record says of it.

    `make_head` makes an unfitted pipeline from options. The score is the share of rows that are answered rightly by
    heads that have not seen them; `balanced`: the mean of the classes' shares. The order of the rows and the numbers
    of classes and groups change nothing. Raises ValueError where the rows can't be divided so.
    """
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    grid = sorted(float(c) for c in options.c.choices)
    pipelines = [uncalibrated(make_head(options.model_copy(update={"c": c}))) for c in grid]
    ordered = canonical_order(rows)
    divided = checked_folds(ordered, options.c.folds, options.c.seed)
    with warnings.catch_warnings(), threadpool_limits(threads):
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last fit says it
        predicted = cross_predict(pipelines, ordered, divided)
    scores = [round(score(ordered.labels, own, balanced), 6) for own in predicted]
    best = grid[int(np.argmax(scores))]
    measure = "balanced_accuracy" if balanced else "accuracy"
    by_c = {f"{c:g}": value for c, value in zip(grid, scores, strict=True)}
    record = {"c": best, "measure": measure, "scores": by_c, "n_images": len(ordered.labels)}
    return options.model_copy(update={"c": best}), record


def uncalibrated(head: Any) -> Any:
    """Return the pipeline inside a calibrated one: a temperature moves no decision."""
    return getattr(head, "estimator", head)


def canonical_order(rows: LabeledRows) -> LabeledRows:
    """Sort rows by the hash of their numbers, and count classes and groups in the order in which they then appear."""
    digests = [hashlib.sha256(np.ascontiguousarray(row).tobytes()).digest() for row in rows.numbers]
    order = sorted(range(len(digests)), key=digests.__getitem__)
    labels, groups = (pd.factorize(values[order])[0] for values in (rows.labels, rows.groups))
    return LabeledRows(rows.numbers[order], labels, groups)


def checked_folds(rows: LabeledRows, n: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Folds as of `grouped_folds`. Raises ValueError where a class has too few images or groups."""
    fewest = int(pd.DataFrame({"label": rows.labels, "group": rows.groups}).groupby("label")["group"].nunique().min())
    if fewest < n:
        raise ValueError(
            f"c.folds = {n} needs as many images of each class that are alone or in groups of their own, and one class "
            f"has {fewest}; lower c.folds, or set c to a number"
        )
    divided = list(grouped_folds(rows.labels, rows.groups, n, seed))
    n_classes = int(rows.labels.max()) + 1
    if any(len(np.unique(rows.labels[fitted])) < n_classes for fitted, _ in divided):
        raise ValueError(f"c.folds = {n} leaves a fold without a class; lower c.folds, or set c to a number")
    return divided


def grouped_folds(labels: np.ndarray, groups: np.ndarray, n: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (rows to fit on, rows to judge), int64: each row is judged once, classes evenly, groups undivided."""
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    if len(np.unique(groups)) == len(groups):  # the other is slow
        yield from StratifiedKFold(n, shuffle=True, random_state=seed).split(labels, labels)
    else:
        yield from StratifiedGroupKFold(n, shuffle=True, random_state=seed).split(labels, labels, groups)


def cross_predict(
    pipelines: list[Any], rows: LabeledRows, divided: list[tuple[np.ndarray, np.ndarray]]
) -> list[np.ndarray]:
    """Class ids int [N] of each pipeline, by fits that have not seen the row; the pipelines differ in their last step.

    What stands before it is fitted once a fold.
    """
    predicted = [np.empty_like(rows.labels) for _ in pipelines]
    for fitted, judged in divided:
        before = pipelines[0][:-1]
        seen, unseen = before.fit_transform(rows.numbers[fitted]), before.transform(rows.numbers[judged])
        for pipeline, own in zip(pipelines, predicted, strict=True):
            own[judged] = pipeline[-1].fit(seen, rows.labels[fitted]).predict(unseen)
    return predicted


def score(labels: np.ndarray, predicted: np.ndarray, balanced: bool) -> float:
    """Accuracy, or the mean over classes of their recall."""
    right = predicted == labels
    if not balanced:
        return float(right.mean())
    return float((np.bincount(labels, right) / np.bincount(labels)).mean())
