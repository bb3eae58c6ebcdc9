"""The log loss, which trainings and ensembles measure, too: apart from the rest, whose edits then train nothing."""

import numpy as np

TINY = 1e-15  # no probability is taken for less: a sure mistake costs much, not everything


def losses(probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Minus the log of what the true class of each image got, float64 [N].

    probabilities: [N, K]; truth: int [N].
    """
    at_truth = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return np.asarray(-np.log(np.clip(at_truth, TINY, 1)))


def log_loss(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """The mean of `losses`."""
    return float(losses(probabilities, truth).mean())
