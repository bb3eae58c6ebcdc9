"""The packaged model: what MLflow loads and serves. It travels inside the model, with the few modules it imports.

It knows nothing else of imagetrail, unpickles nothing and imports no mlflow.
"""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.core.candidates.calibrated import calibrated
from stages.core.candidates.predictor import Predictor, load_predictor
from stages.core.images.decoding import NotAnImage, decode, fitted
from stages.core.images.header import checked
from stages.core.tracking.served_names import ABOUT, CONFIDENCE, EACH, LABEL, SURE


class ServedModel:
    """Predicts from raw images or from encoded image files; probabilities are calibrated.

    uint8 [N, H, W, C] -> probabilities float32 [N, K]; a table with a column `image` of file bytes (or base64
    text) -> a table with `label`, `confidence`, `sure` and `p.<class>`, the probability of every class.
    """

    def __init__(self, predictor: Predictor, about: dict[str, Any]) -> None:
        self.predictor, self.about = predictor, about
        self.classes: list[str] = list(about["classes"])

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """Answer MLflow's call. Raises ValueError naming the image that can't be read."""
        if isinstance(model_input, pd.DataFrame):
            return self.answers([as_bytes(value) for value in model_input["image"]])
        return self.probabilities(np.asarray(model_input, np.uint8))

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Probabilities float32 [N, K] of uint8 [N, H, W, C]."""
        if not len(images):
            return np.zeros((0, len(self.classes)), np.float32)
        return calibrated(self.predictor.predict(images), self.about.get("temperature"))

    def pixels(self, data: bytes) -> np.ndarray:
        """Bytes of an image file as uint8 [H, W, C], as in training. Raises NotAnImage, before a bomb is decoded."""
        checked(data)
        return fitted(decode(data, self.about.get("ranges")).pixels, **self.about["normalize"])

    def sure(self, confidence: np.ndarray) -> list[bool | None]:
        """Whether each confidence [N] reaches the threshold; None where no threshold is known to keep its promise."""
        threshold = self.about.get("threshold")
        return [None if threshold is None else bool(one >= threshold) for one in confidence]

    def answers(self, files: list[bytes]) -> pd.DataFrame:
        """Decode image files and name the most probable class of each. Raises ValueError naming one that is none."""
        images = []
        for index, data in enumerate(files):
            try:
                images.append(self.pixels(data))
            except NotAnImage as error:
                raise ValueError(f"image {index} can't be read: {error}") from error
        return self.told(self.probabilities(np.stack(images) if images else np.zeros(0, np.uint8)))

    def told(self, probabilities: np.ndarray) -> pd.DataFrame:
        """Probabilities [N, K] as a table: label, confidence, whether that is sure, and each class."""
        confidence = probabilities.max(axis=1, initial=0.0)
        labels = [self.classes[index] for index in probabilities.argmax(axis=1)]
        said = {LABEL: labels, CONFIDENCE: confidence.astype(float), SURE: self.sure(confidence)}
        each = {f"{EACH}{name}": probabilities[:, at].astype(float) for at, name in enumerate(self.classes)}
        return pd.DataFrame(said | each)


def as_bytes(value: Any) -> bytes:
    """Bytes as they are; text is base64, as JSON carries it. Raises ValueError for anything else."""
    if isinstance(value, str):
        return base64.b64decode(value)
    if not isinstance(value, bytes | bytearray | memoryview):  # bytes(10**12) would take a terabyte
        raise ValueError(f"an image must be bytes or base64 text, got {type(value).__name__}")
    return bytes(value)


def _load_pyfunc(path: str) -> ServedModel:
    """Open the folder that was logged; MLflow looks for this name."""
    about = json.loads((Path(path) / ABOUT).read_text(encoding="utf-8"))
    return ServedModel(load_predictor(Path(path)), about)
