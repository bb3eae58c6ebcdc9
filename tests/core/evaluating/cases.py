"""Options and a model that is mostly right, for the tests of measures."""

import numpy as np

from stages.core.evaluating.metrics import Outcomes, prepared
from stages.core.layout import PROJECT
from stages.core.settings.params import load

OPTIONS = load(PROJECT / "params.yaml").tree.evaluate.model_copy(
    update={"top_k": 2, "calibration_bins": 10, "confidence": 0.95, "bootstrap": 200, "seed": 1, "confused_pairs": 3}
)


def changed(**changes):
    """Return the options with some others."""
    return OPTIONS.model_copy(update=changes)


def answered(n_images=300, n_classes=4, seed=3, signal=2.0, sureness=1.0) -> Outcomes:
    """Return the outcomes of a model that is calibrated at a sureness of 1, and too sure above it.

    The posterior of equally frequent classes, of which the true one's score is raised by `signal`, is the softmax of
    signal x score.
    """
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, n_classes, n_images)
    scores = rng.normal(size=(n_images, n_classes)) + signal * np.eye(n_classes)[truth]
    powers = np.exp(sureness * signal * scores)
    return prepared(truth, powers / powers.sum(axis=1, keepdims=True))
