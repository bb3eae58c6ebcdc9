"""What is done against class imbalance while training: weights of the loss, repeated images, or another loss."""

from typing import Any

import numpy as np

from stages.core.settings.fit_options import Balance, Fit


def class_weights(counts: np.ndarray, balance: Balance) -> np.ndarray:
    """Weight of the loss per class, float64 [K], whose mean over the train images is 1.

    counts: int64 [K], images a class; one without images gets weight 0. class_weight is 1 / n; effective_number
    is (1 - beta) / (1 - beta^n), after Cui et al. 2019, Class-Balanced Loss; every other method weighs all the same.
    """
    weights = np.ones(len(counts))
    if balance.method == "class_weight":
        weights = 1 / np.maximum(counts, 1)
    elif balance.method == "effective_number" and balance.beta is not None:
        weights = (1 - balance.beta) / (1 - balance.beta ** np.maximum(counts, 1))
    weights = weights * (counts > 0)
    return weights * counts.sum() / (weights * counts).sum()


def epoch_rows(labels: np.ndarray, balance: Balance) -> np.ndarray:
    """Rows that make up an epoch, int64 [M], sorted.

    Every row once; with `oversample` each class as often as the largest: all its rows equally often, and the
    first of them once more for the rest.
    """
    if balance.method != "oversample":
        return np.arange(len(labels))
    by_class = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    most = max(len(rows) for rows in by_class)
    return np.sort(np.concatenate([np.resize(rows, most) for rows in by_class]))


def loss(fit: Fit) -> Any:
    """Keras loss of a `fit` section: cross-entropy, or focal loss (Lin et al. 2017) with no class prior."""
    import keras

    if fit.balance.method == "focal":
        return keras.losses.CategoricalFocalCrossentropy(
            alpha=1.0, gamma=fit.balance.gamma, label_smoothing=fit.label_smoothing
        )
    return keras.losses.CategoricalCrossentropy(label_smoothing=fit.label_smoothing)


def remedy(labels: np.ndarray, classes: list[str], balance: Balance) -> dict[str, Any]:
    """What the remedy changes, for the candidate's record: per class images, images an epoch, weight of the loss."""
    counts = np.bincount(labels, minlength=len(classes))
    shown = np.bincount(labels[epoch_rows(labels, balance)], minlength=len(classes))
    weights = class_weights(counts, balance)
    per_class = {
        name: {"n_images": int(n), "n_an_epoch": int(m), "weight": float(f"{w:.6g}")}
        for name, n, m, w in zip(classes, counts, shown, weights, strict=True)
    }
    return {"method": balance.method, "classes": per_class}
