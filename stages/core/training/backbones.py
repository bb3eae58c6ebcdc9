"""A backbone as one Keras model from packed images to features, built from Keras' own layers: it loads anywhere."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from stages.core.candidates.network_file import check_weights
from stages.core.errors import UserError
from stages.core.settings.backbone_options import Backbone
from stages.core.training.applications import answer, answering, network, preprocessing_of

layers = keras.layers
MEANS, DEVIATIONS = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])  # of ImageNet, RGB, in units of 1
CAFFE_MEANS = [103.939, 116.779, 123.68]  # of ImageNet, BGR, in units of 255
NETWORK = "backbone"  # name of the layer that holds the network


def extractor(name: str, backbone: Backbone, input_shape: tuple[int, ...], weights: Path | None) -> Any:
    """Return a model from uint8 [N, H, W, C] to features float32 [N, F], or [N, h, w, c] without pooling.

    Its weights are those of a file, or drawn from backbone.seed; it is frozen. Raises UserError when they don't fit.
    """
    keras.backend.clear_session(free_memory=False)  # names of layers begin anew: equal settings, equal bytes
    keras.config.set_dtype_policy("float32")
    keras.utils.set_random_seed(backbone.seed)
    inner = loaded(name, backbone, weights)
    inner.trainable = False
    inner.name = NETWORK
    inputs = keras.Input(input_shape, dtype="uint8", name="image")
    x = layers.Rescaling(1.0, name="as_float")(inputs)
    if input_shape[-1] == 1:
        x = layers.Concatenate(name="three_channels")([x, x, x])
    if input_shape[:2] != (backbone.height, backbone.width):
        x = layers.Resizing(backbone.height, backbone.width, name="resized")(x)
    # training=False for ever: batch norm and stochastic depth act as in prediction, also when blocks are unfrozen
    x = inner(preprocessed(x, convention(name, backbone)), training=False)
    pools = {"average": layers.GlobalAveragePooling2D, "max": layers.GlobalMaxPooling2D}
    x = pools[backbone.pooling](name="pooled")(x) if backbone.pooling in pools else x
    return keras.Model(inputs, x, name=name)


def loaded(name: str, backbone: Backbone, weights: Path | None) -> Any:
    """Return the network with its weights. Raises UserError when the file is not of this network.

    As Keras itself builds it for its own weights: EfficientNet has then a layer more.
    """
    if weights is not None:
        check_weights(weights)
    if backbone.weights != "imagenet":
        return network(name, backbone, str(weights) if weights else None)
    if weights is None:
        raise ValueError("imagenet weights need their file")
    with answering(answer(weights)):
        return network(name, backbone, "imagenet")


def convention(name: str, backbone: Backbone) -> str:
    """Which of Keras' conventions the network's own `preprocess_input` follows: tf, caffe, torch or none.

    Found by what it does to some numbers, so that no table can be wrong. Raises UserError for one of its own.
    """
    probe = np.array([[[[0.0, 100.0, 255.0], [17.0, 60.0, 3.0]]]], np.float32)
    got = np.asarray(preprocessing_of(name, backbone)(probe.copy()))
    for known in ("tf", "caffe", "torch", "none"):
        if np.allclose(got, np.asarray(preprocessed(probe, known)), atol=1e-3):
            return known
    raise UserError(f"params.yaml: backbones.{name}.backbone: {backbone.backbone} has a preprocessing of its own kind")


def preprocessed(x: Any, known: str) -> Any:
    """Apply a convention to RGB float32 [N, H, W, 3] in 0-255, by layers that hold no weights.

    tf: -1 to 1. caffe: BGR less ImageNet's means. torch: ImageNet's mean 0 and deviation 1. none: as it is.
    """
    if known == "tf":
        return layers.Rescaling(1 / 127.5, -1.0, name="preprocessed")(x)
    if known == "torch":
        scale, offset = 1 / (255 * DEVIATIONS), -MEANS / DEVIATIONS
        return layers.Rescaling(scale.tolist(), offset.tolist(), name="preprocessed")(x)
    if known == "caffe":
        return layers.Rescaling(1.0, [-mean for mean in CAFFE_MEANS], name="preprocessed")(keras.ops.flip(x, -1))
    return x


def seer(model: Any) -> Callable[[np.ndarray], np.ndarray]:
    """Return the compiled model as a function from uint8 [N, H, W, C] to features float32 [N, ...]."""
    import tensorflow as tf

    call = tf.function(lambda images: model(images, training=False), reduce_retracing=True)
    return lambda images: np.asarray(call(tf.constant(images)), np.float32)
