"""The packaged model: what MLflow loads and serves. It travels inside the model, with the few modules it imports.

It knows nothing else of imagetrail, unpickles nothing and imports no mlflow.
"""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.core.candidates.predictor import load_predictor
from stages.core.images.decoding import NotAnImage, decode, fitted


class ServedModel:
    """Predicts from raw images or from encoded image files.

    uint8 [N, H, W, C] -> probabilities float32 [N, K]; a table with a column `image` of file bytes (or base64
    text) -> a table with `label`, `confidence` and a probability a class.
    """

    def __init__(self, folder: Path) -> None:
        self.predictor = load_predictor(folder)
        self.about = json.loads((folder / "about.json").read_text(encoding="utf-8"))

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """Answer MLflow's call. Raises ValueError naming the image that can't be read."""
        if isinstance(model_input, pd.DataFrame):
            return self.answers([as_bytes(value) for value in model_input["image"]])
        return self.probabilities(np.asarray(model_input, np.uint8))

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Probabilities float32 [N, K] of uint8 [N, H, W, C]."""
        if not len(images):
            return np.zeros((0, len(self.about["classes"])), np.float32)
        return self.predictor.predict(images)

    def answers(self, files: list[bytes]) -> pd.DataFrame:
        """Decode image files as in training, and name the most probable class of each."""
        images = []
        for index, data in enumerate(files):
            try:
                images.append(fitted(decode(data).pixels, **self.about["normalize"]))
            except NotAnImage as error:
                raise ValueError(f"image {index} can't be read: {error}") from error
        table = pd.DataFrame(self.probabilities(np.stack(images)).astype(float), columns=self.about["classes"])
        table.insert(0, "confidence", table.max(axis=1))
        table.insert(0, "label", [self.about["classes"][i] for i in table.iloc[:, 1:].to_numpy().argmax(axis=1)])
        return table


def as_bytes(value: Any) -> bytes:
    """Bytes as they are; text is base64, as JSON carries it."""
    return base64.b64decode(value) if isinstance(value, str) else bytes(value)


def _load_pyfunc(path: str) -> ServedModel:
    """Open the folder that was logged; MLflow looks for this name."""
    return ServedModel(Path(path))
