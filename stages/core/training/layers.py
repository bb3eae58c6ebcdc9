"""Pieces that the architectures share: all take and give Keras tensors, and are built from Keras' own layers.

No custom layer: a saved model loads anywhere without this code.
"""

from typing import Any

import keras

from stages.core.images.packs import Statistics

layers = keras.layers


class FastNorm(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Batch norm over [N, H, W, C] by TensorFlow's fused kernel in training: Keras 3 itself takes four.

    It is for training alone: `finishing` puts Keras' own layer in its place before a model is saved.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Normalize by the batch and move the averages; outside training as Keras does."""
        if not training or not self.trainable or len(inputs.shape) != 4 or self.compute_dtype != "float32":
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma, self.beta, epsilon=self.epsilon, is_training=True
        )
        for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(average * self.momentum + value * (1 - self.momentum))
        return outputs


def pixels_in(input_shape: tuple[int, ...], statistics: Statistics) -> tuple[Any, Any]:
    """Return (input uint8 [N, H, W, C], the same per channel at mean 0 and variance 1 of the train images)."""
    inputs = keras.Input(input_shape, dtype="uint8", name="image")
    scale = [max(value, 1e-3) ** -0.5 for value in statistics.variance]  # a constant channel stays finite
    offset = [-mean * share for mean, share in zip(statistics.mean, scale, strict=True)]
    return inputs, layers.Rescaling(scale, offset, name="normalization")(inputs)


def unit_pixels_in(input_shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Return (input uint8 [N, H, W, C], the same in [0, 1], whatever the train images are)."""
    inputs = keras.Input(input_shape, dtype="uint8", name="image")
    return inputs, layers.Rescaling(1 / 255)(inputs)


def raw_pixels_in(input_shape: tuple[int, ...]) -> tuple[Any, Any]:
    """Return (input uint8 [N, H, W, C], the same as floats from 0 to 255), for a stem that normalizes by itself."""
    inputs = keras.Input(input_shape, dtype="uint8", name="image")
    return inputs, keras.ops.cast(inputs, keras.config.dtype_policy().compute_dtype)


def probabilities_out(x: Any, n_classes: int) -> Any:
    """Return probabilities float32 [N, K] from features [N, F]; float32 also under mixed precision."""
    logits = layers.Dense(n_classes, name="logits")(x)
    return layers.Activation("softmax", dtype="float32", name="probabilities")(logits)
