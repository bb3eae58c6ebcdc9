"""A predictor whose networks run as one graph: what they say is the same, three times as fast on small images.

Called layer by layer, Python spends more time than a small network computes (docs/log.md). evaluate and train go layer
by layer, as their bytes are promised; here 1e-5 is.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from stages.core.candidates.predictor import BATCH, Ensemble, Headed, Network, Predictor, flat

PIXELS = 1 << 20  # of a batch: 256 images of 64 x 64; fewer of larger ones, as their activations take memory


@dataclass
class Compiled(Network):
    """A network as one graph, traced once for batches of any length."""

    @cached_property
    def graph(self) -> Any:
        """The traced function: uint8 [N, H, W, C] -> what the network gives."""
        import tensorflow as tf

        shape = self.model.input.shape
        return tf.function(
            lambda images: self.model(images, training=False), input_signature=[tf.TensorSpec(shape, tf.uint8)]
        )

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Probabilities float32 [N, K]; for a backbone its features, flattened."""
        if not len(images):
            return super().predict(images)
        n = max(BATCH, PIXELS // max(1, images.shape[1] * images.shape[2]))
        return np.concatenate([flat(self.graph(images[at : at + n])) for at in range(0, len(images), n)])


def compiled(predictor: Predictor) -> Predictor:
    """The same predictor, its networks as graphs."""
    if isinstance(predictor, Network):
        return Compiled(predictor.model)
    if isinstance(predictor, Headed):
        return replace(predictor, network=Compiled(predictor.network.model) if predictor.network else None)
    if isinstance(predictor, Ensemble):
        return replace(predictor, members=[compiled(member) for member in predictor.members])
    return predictor
