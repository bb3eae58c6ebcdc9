"""What predicts, whatever it is made of: one function opens the folder of any candidate.

`model.keras` alone; `head.skops` alone, on pixels; `model.keras` with `head.skops`, which takes what the network gives;
`ensemble.json` with `members/<name>/`, each such a folder, and perhaps a `head.skops` on their outputs.
Travels inside packaged models: it knows nothing of imagetrail but how a head is loaded.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from stages.core.candidates.model_files import ENSEMBLE, HEAD, MEMBERS, MODEL

BATCH = 64


class Predictor(Protocol):
    """Images uint8 [N, H, W, C] in, probabilities float32 [N, K] out."""

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Probabilities float32 [N, K], each row summing to 1."""

    def see(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What goes into the last part that decides, float32 [N, D], and the probabilities."""


@dataclass
class Network:
    """A Keras model from images to probabilities, or to features where a head follows."""

    model: Any
    both: Any = None

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Probabilities float32 [N, K]; for a backbone its features, flattened."""
        parts = [flat(self.model(batch, training=False)) for batch in batches(images)]
        return np.concatenate(parts) if parts else np.zeros((0, self.model.output.shape[-1]), np.float32)

    def see(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What goes into the last layer with weights, `logits` in ours, flattened; and the probabilities."""
        import keras

        if self.both is None:
            last = next(layer for layer in reversed(self.model.layers) if layer.weights)
            self.both = keras.Model(self.model.input, [last.input, self.model.output])
        pairs = [self.both(batch, training=False) for batch in batches(images)]
        said = np.concatenate([flat(pair[1]) for pair in pairs])
        seen = np.concatenate([flat(seen)[: len(out)] for seen, out in pairs])  # of several views, the first: as it is
        return seen, said


@dataclass
class Headed:
    """A classical head on pixels from 0 to 1, or on what a network gives."""

    head: Any
    network: Network | None

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Probabilities float32 [N, K]."""
        return self.see(images)[1]

    def see(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What goes into the head, and the probabilities."""
        seen = self.network.predict(images) if self.network else pixels(images)
        return seen, decided(self.head, seen)


@dataclass
class Ensemble:
    """Several predictors whose answers are averaged, or judged by a head."""

    members: list[Predictor]
    weights: list[float]
    on: str
    head: Any

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Probabilities float32 [N, K]."""
        return self.see(images)[1]

    def see(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The members' probabilities (of a head on what they see: that) side by side, and the probabilities."""
        found = [member.see(images) for member in self.members]
        said = np.stack([probabilities for _, probabilities in found])
        seen = side_by_side([features for features, _ in found] if self.on == "penultimate" else list(said))
        return seen, averaged(said, self.weights) if self.head is None else decided(self.head, seen)


def load_predictor(folder: Path) -> Predictor:
    """Open what stands in a folder. Raises UserError for a head that holds foreign types."""
    head = load_head(folder / HEAD) if (folder / HEAD).exists() else None
    if (folder / ENSEMBLE).exists():
        about = json.loads((folder / ENSEMBLE).read_text(encoding="utf-8"))
        members = [load_predictor(folder / MEMBERS / name) for name in about["members"]]
        return Ensemble(members, about["weights"], about["on"], head)
    network = load_network(folder / MODEL) if (folder / MODEL).exists() else None
    if head is not None:
        return Headed(head, network)
    if network is None:
        raise FileNotFoundError(f"{folder} holds neither {MODEL} nor {HEAD} nor {ENSEMBLE}")
    return network


def load_network(path: Path) -> Network:
    """Load a .keras file. Raises UserError for one that holds more than a network."""
    from stages.core.candidates.network_file import opened

    return Network(opened(path))


def load_head(path: Path) -> Any:
    """Load a .skops file."""
    from stages.core.heads.head_file import load

    return load(path)


def batches(images: np.ndarray) -> list[np.ndarray]:
    """Views of BATCH images each."""
    return [np.asarray(images[at : at + BATCH]) for at in range(0, len(images), BATCH)]


def flat(tensor: Any) -> np.ndarray:
    """A tensor [N, ...] as float32 [N, D]."""
    found = np.asarray(tensor).astype(np.float32)
    return found.reshape(len(found), -1)


def pixels(images: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W, C] -> float32 [N, D] from 0 to 1, copied in pieces: the memory map is never whole in memory."""
    rows = np.empty((len(images), int(np.prod(images.shape[1:]))), np.float32)
    for at in range(0, len(images), 1024):
        piece = images[at : at + 1024]
        np.divide(piece.reshape(len(piece), -1), np.float32(255), out=rows[at : at + 1024])
    return rows


def side_by_side(parts: list[np.ndarray]) -> np.ndarray:
    """Several [N, D] as one float32 [N, sum of D]."""
    return np.concatenate(parts, axis=1).astype(np.float32)


def decided(head: Any, rows: np.ndarray) -> np.ndarray:
    """Probabilities float32 [N, K] of a fitted head on rows [N, D]."""
    if not len(rows):
        return np.zeros((0, len(head.classes_)), np.float32)
    return head.predict_proba(rows).astype(np.float32)


def averaged(said: np.ndarray, weights: list[float]) -> np.ndarray:
    """Weighted mean float32 [N, K] of probabilities [M, N, K], in double precision until the end."""
    return np.einsum("m,mnk->nk", np.asarray(weights, np.float64), said.astype(np.float64)).astype(np.float32)
