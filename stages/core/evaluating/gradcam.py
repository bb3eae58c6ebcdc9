"""Where in an image a network found what speaks for a class: Grad-CAM.

Selvaraju et al. 2017, Grad-CAM: visual explanations from deep networks via gradient-based localization. It asks the
last map of the network, so it is as coarse as that: a pretrained network on 96 pixels has 3 x 3 places.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from stages.core.errors import UserError
from stages.core.training.determinism import leaves

BATCH = 16
Note = Callable[[Any, Any, Any], None]  # a layer, what it was given and what it gave


def gradcam(model: Any, images: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """How strongly each place speaks for some classes: float32 [M, N, H, W] in [0, 1], each map scaled to its highest.

    images: uint8 [N, H, W, C]; classes: ids int [M, N], M for each image. A map without anything that speaks for its
    class is 0 everywhere. Raises UserError for a network without a map, or without a softmax at its end.
    """
    parts = map_and_scores(model, images[:1])
    found = [
        coarse(model, parts, images[at : at + BATCH], classes[:, at : at + BATCH])
        for at in range(0, len(images), BATCH)
    ]
    return enlarged(np.concatenate(found, axis=1), images.shape[1:3])


def map_and_scores(model: Any, image: np.ndarray) -> tuple[Any, Any]:
    """The layer that gives the last map, and the one that makes probabilities of scores, in the order they are called.

    Found by asking about one image, uint8 [1, H, W, C], so that layers inside of others are seen too. Raises UserError.
    """
    import keras

    maps, scorers = [], []

    def note(layer: Any, given: Any, gave: Any) -> None:
        shape = tuple(getattr(gave, "shape", ()))
        if len(shape) == 4 and shape[1] * shape[2] > 1:
            maps.append(layer)
        if isinstance(layer, keras.layers.Softmax) or getattr(layer, "activation", None) is keras.activations.softmax:
            scorers.append(layer)

    with watched([layer for _, layer in leaves(model, "")], note):
        model(image, training=False)
    if not maps or not scorers:
        lacks = "map [height, width, channels]" if not maps else "softmax"
        raise UserError(f"Grad-CAM needs a network with a map and a softmax at its end; {model.name} has no {lacks}")
    return maps[-1], scorers[-1]


@contextmanager
def watched(layers: list[Any], note: Note) -> Iterator[None]:
    """Tell of every call of some layers, wherever in a network they stand: Keras can't cut a graph inside a layer."""
    for layer in layers:
        layer.call = told(layer, note)
    try:
        yield
    finally:
        for layer in layers:
            del layer.call  # the class's own is seen again


def told(layer: Any, note: Note) -> Callable[..., Any]:
    """The call of a layer, which tells of itself."""
    own = layer.call

    def call(given: Any, *args: Any, **kwargs: Any) -> Any:
        gave = own(given, *args, **kwargs)
        note(layer, given, gave)
        return gave

    return call


def coarse(model: Any, parts: tuple[Any, Any], images: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Maps float32 [M, N, h, w] in [0, 1], as coarse as the network's own."""
    import tensorflow as tf

    mapping, scoring = parts
    seen: dict[Any, Any] = {}
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:

        def note(layer: Any, given: Any, gave: Any) -> None:
            if layer is mapping:
                tape.watch(gave)
                seen["map"] = gave
            if layer is scoring:
                seen["scores"] = scores(layer, given)

        with watched([mapping, scoring], note):
            model(images, training=False)
        # of several views of an image the first is the image itself
        wanted = [tf.gather(seen["scores"][: len(images)], ids, batch_dims=1) for ids in classes]
    values = np.asarray(seen["map"], np.float32)[: len(images)]
    slopes = [tape.gradient(one, seen["map"], unconnected_gradients="zero") for one in wanted]
    return np.stack([weighted(values, np.asarray(slope, np.float32)[: len(images)]) for slope in slopes])


def scores(layer: Any, given: Any) -> Any:
    """What a layer makes probabilities of, float [N, K]: before the softmax, which would mix the classes."""
    import keras

    if not hasattr(layer, "kernel"):
        return given
    products = keras.ops.matmul(given, layer.kernel)
    return products + layer.bias if layer.use_bias else products


def weighted(values: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Channels float32 [N, h, w, D] summed with their mean slopes as weights; what speaks against is 0: [N, h, w]."""
    weights = slopes.mean(axis=(1, 2), dtype=np.float64)
    found = np.einsum("nhwd,nd->nhw", values.astype(np.float64), weights).clip(0)
    highest = found.max(axis=(1, 2), keepdims=True)
    return np.divide(found, highest, out=np.zeros_like(found), where=highest > 0).astype(np.float32)


def enlarged(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Maps [M, N, h, w] at the size (height, width) of the images, between places linear."""
    import cv2

    height, width = size
    flat = [cv2.resize(one, (width, height)) for one in maps.reshape(-1, *maps.shape[2:])]
    return np.reshape(flat, (*maps.shape[:2], height, width)).astype(np.float32)


def overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How far two maps [N, H, W] lie at the same places, float [N]: 1 the same, 0 nothing in common or one empty."""
    shared, all_of = np.minimum(one, other).sum(axis=(1, 2)), np.maximum(one, other).sum(axis=(1, 2))
    return np.divide(shared, all_of, out=np.zeros(len(one)), where=all_of > 0)
