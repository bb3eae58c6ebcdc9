"""One number that makes probabilities honest: fitted on validation images, and judged on those it was not fitted on."""

import numpy as np
import pandas as pd

from stages.core.candidates.calibrated import calibrated
from stages.core.evaluating.log_loss import log_loss
from stages.core.evaluating.metrics import classes_of, outcomes
from stages.core.settings.evaluate_options import Evaluate

# Ends of the search, no choice of a user's: beyond, a softmax is one-hot or flat. A fit that ends there (0.05 or 20 as
# `temperature` in metrics.json) is of a model whose sureness says next to nothing; it is kept only where it helps.
COLDEST, HOTTEST = 0.05, 20.0


def told(table: pd.DataFrame, options: Evaluate) -> tuple[pd.DataFrame, float | None]:
    """Predictions as they are told, and their temperature; as they are, and None, where none is wanted or none helps.

    Validation images are scaled by the temperature of the other folds, all others by that of all validation images.
    None helps where that makes the log loss of the validation images no smaller; nor where no answer to them is wrong:
    the colder, the smaller the loss then, and nothing says how sure is too sure.
    """
    is_val = (table["split"] == "val").to_numpy()
    if not options.temperature or is_val.sum() < 2 * options.folds:
        return table, None
    outcome = outcomes(table, "val")
    if (outcome.predicted == outcome.truth).all():
        return table, None
    apart = out_of_fold(outcome.probabilities, outcome.truth, options)
    if log_loss(apart, outcome.truth) >= log_loss(outcome.probabilities, outcome.truth):
        return table, None
    temperature = fit(outcome.probabilities, outcome.truth)
    names = [f"p.{name}" for name in classes_of(table)]
    scaled = calibrated(table[names].to_numpy(), temperature)
    scaled[is_val] = apart
    return table.assign(**dict(zip(names, scaled.T, strict=True))), temperature


def out_of_fold(probabilities: np.ndarray, truth: np.ndarray, options: Evaluate) -> np.ndarray:
    """Probabilities float32 [N, K], each image's scaled by the temperature of the folds that it is not in."""
    fold = np.random.default_rng(options.seed).permutation(len(truth)) % options.folds
    scaled = np.empty(probabilities.shape, np.float32)
    for one in range(options.folds):
        inside = fold == one
        scaled[inside] = calibrated(probabilities[inside], fit(probabilities[~inside], truth[~inside]))
    return scaled


def fit(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """The temperature of the lowest log loss, to four digits: more would differ from processor to processor.

    probabilities: [N, K]; truth: int [N]. The loss is convex in 1 / temperature (Guo et al. 2017). Images whose true
    class got a probability of 0 have no say: no temperature changes that.
    """
    from scipy.optimize import minimize_scalar

    possible = probabilities[np.arange(len(truth)), truth] > 0
    if not possible.any():
        return 1.0
    exact, within = probabilities[possible].astype(np.float64), truth[possible]
    with np.errstate(divide="ignore"):  # the log of 0 is -inf, whose exponential is 0 again
        logits = np.log(exact / exact.max(axis=1, keepdims=True))
    at_truth = logits[np.arange(len(within)), within]

    def loss(inverse: float) -> float:
        return float((np.log(np.exp(inverse * logits).sum(axis=1)) - inverse * at_truth).mean())

    found = minimize_scalar(loss, bounds=(1 / HOTTEST, 1 / COLDEST), method="bounded", options={"xatol": 1e-6})
    return float(f"{1 / found.x:.4g}")
