"""Pieces that the architectures share: all take and give Keras tensors, and are built from Keras' own layers.

No custom layer: a saved model loads anywhere without this code.
"""

from typing import Any

import keras

from stages.core.packs import Statistics

layers = keras.layers


def pixels_in(input_shape: tuple[int, ...], statistics: Statistics) -> tuple[Any, Any]:
    """Return (input uint8 [N, H, W, C], the same per channel at mean 0 and variance 1 of the train images)."""
    inputs = keras.Input(input_shape, dtype="uint8", name="image")
    variance = [max(value, 1e-3) for value in statistics.variance]  # a constant channel stays finite
    normal = layers.Normalization(mean=statistics.mean, variance=variance, name="normalization")
    return inputs, normal(layers.Rescaling(1.0)(inputs))


def probabilities_out(x: Any, n_classes: int) -> Any:
    """Return probabilities float32 [N, K] from features [N, F]; float32 also under mixed precision."""
    logits = layers.Dense(n_classes, name="logits")(x)
    return layers.Activation("softmax", dtype="float32", name="probabilities")(logits)
