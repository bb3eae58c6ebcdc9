"""What a model costs, in numbers that repeat: multiply-adds and parameters; and latency, which does not."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

VIEWS = "views"  # the layer of a saved model that lays its views of an image behind one another


def multiply_adds(model: Any) -> int:
    """Multiply-adds of the convolutions and dense layers for one image, over all the views of it that are averaged."""
    views = [len(layer.input) for layer in model.layers if layer.name == VIEWS]
    return sum(of_layer(layer) for layer in model.layers) * (views[0] if views else 1)


def of_layer(layer: Any) -> int:
    """Multiply-adds of one Keras layer for one image; nested models are summed up."""
    if hasattr(layer, "layers"):
        return multiply_adds(layer)
    kinds = {"Conv2D": "kernel", "DepthwiseConv2D": "kernel", "Dense": "kernel"}
    if type(layer).__name__ not in kinds:
        return 0
    shape = layer.output.shape
    places = int(np.prod(shape[1:-1])) if len(shape) > 2 else 1
    return places * int(np.prod(layer.kernel.shape))


def latency(model: Any, images: np.ndarray) -> dict[str, float]:
    """Latency of a Keras model, compiled once before. images: uint8 [N, H, W, C], N >= 1."""
    import tensorflow as tf

    call = tf.function(lambda x: model(x, training=False))
    return latency_of(lambda batch: call(tf.constant(batch)), images)


def latency_of(answer: Callable[[np.ndarray], Any], images: np.ndarray, repeats: int = 20) -> dict[str, float]:
    """Median milliseconds to answer one image, and microseconds an image in a batch of up to 64.

    Asked once before; differs by machine and by the hour.
    """
    medians = {}
    for name, batch in (("one", images[:1]), ("batch", images[:64])):
        x = np.asarray(batch)
        answer(x)
        seconds = [timed(answer, x) for _ in range(repeats)]
        medians[name] = float(np.median(seconds)) / len(batch)
    return {
        "latency_one_image_ms": medians["one"] * 1e3,
        "latency_batch_us_per_image": medians["batch"] * 1e6,
    }


def timed(call: Any, x: Any) -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    np.asarray(call(x))
    return time.perf_counter() - started
