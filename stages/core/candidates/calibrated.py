"""Probabilities as they are told: raised to 1 / temperature, the one number that evaluate fits on validation images.

Travels inside packaged models: only `read_calibration`, which they do not call, knows more of imagetrail than NumPy.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

CALIBRATION = "calibration.json"  # in the folder of an evaluation


@dataclass(frozen=True)
class Calibration:
    """What evaluate found out on the validation images about how far probabilities can be believed.

    temperature: None where it is switched off or there was nothing to fit it on. threshold: confidence from which an
    answer counts as sure, so that `wanted_precision` of the sure ones are right; None where none is known to do.
    """

    temperature: float | None
    threshold: float | None
    wanted_precision: float


def calibrated(probabilities: np.ndarray, temperature: float | None) -> np.ndarray:
    """Scale the logits behind probabilities [N, K] by 1 / temperature; returns float32 [N, K], rows summing to 1.

    Never changes the order of classes, and None changes nothing at all. A probability of 0 stays 0. Guo et al. 2017,
    On calibration of modern neural networks; softmax(log(p) / T) is p ** (1 / T), normalized.
    """
    if temperature is None or not len(probabilities):
        return np.asarray(probabilities, np.float32)
    exact = np.asarray(probabilities, np.float64)
    powers = (exact / exact.max(axis=1, keepdims=True)) ** (1 / temperature)
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def read_calibration(folder: Path) -> Calibration:
    """Read what an evaluation wrote into its folder. Raises UserError when it is missing or damaged."""
    from stages.core.files import read_json

    return Calibration(**read_json(folder / CALIBRATION))
