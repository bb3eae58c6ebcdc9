"""The mean of the weights of several networks of one architecture, as one network that costs what one of them does.

Wortsman et al. 2022, Model soups; Izmailov et al. 2018, Averaging weights, for batch norm, whose statistics belong to
other weights and are learned anew from train images.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

IMAGES, BATCH = 5_000, 250  # train images for the statistics: batches large enough for their variance
FREE = {"seed", "rate", "momentum", "trainable", "name", "shared_object_id", "build_config"}  # what may differ


def architecture(model: Any) -> str:
    """A text that is equal for networks whose weights mean the same: layers, shapes and connections, not names."""
    places = {layer.name: index for index, layer in enumerate(model.layers)}

    def bare(node: Any) -> Any:
        if isinstance(node, dict):
            return {k: bare(v) for k, v in node.items() if k not in FREE and not k.endswith(("izer", "initializers"))}
        if isinstance(node, list | tuple):
            return [bare(item) for item in node]
        return places.get(node, node) if isinstance(node, str) else node

    layers = [[type(layer).__name__, [list(w.shape) for w in layer.weights]] for layer in model.layers]
    return json.dumps([layers, bare(model.get_config())], sort_keys=True, default=str)


def mean_weights(models: list[Any]) -> list[np.ndarray]:
    """Mean of each array of weights, summed in double precision."""
    columns = zip(*(model.get_weights() for model in models), strict=True)
    return [
        np.mean([array.astype(np.float64) for array in arrays], axis=0).astype(arrays[0].dtype) for arrays in columns
    ]


def soup(models: list[Any], images: np.ndarray, seed: int, copy: Callable[[], Any]) -> Any:
    """Return the soup of some networks in a network from `copy()`; a soup of one is that one.

    images: uint8 [N, H, W, C] of train, from which batch norm learns its statistics anew.
    """
    made = copy()
    made.set_weights(mean_weights(models))
    if len(models) > 1:
        renew_statistics(made, images, seed)
    return made


def greedy(models: list[Any], score: Callable[[list[Any]], float]) -> list[int]:
    """Places of the networks that are kept: best first, each that leaves the soup no worse. score: of a soup."""
    kept, best = [0], score(models[:1])
    for place in range(1, len(models)):
        found = score([models[index] for index in (*kept, place)])
        if found >= best:
            kept, best = [*kept, place], found
    return kept


def renew_statistics(model: Any, images: np.ndarray, seed: int) -> None:
    """Set batch norm's statistics to the mean of those of batches of train images, in place; dropout is off."""
    import keras

    every = list(layers_of(model))
    norms = [layer for layer in every if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable]
    if not norms:
        return
    momenta, rates = [layer.momentum for layer in norms], [getattr(layer, "rate", None) for layer in every]
    for layer, rate in zip(every, rates, strict=True):
        if rate is not None:
            layer.rate = 0.0
    rows = np.random.default_rng(seed).permutation(len(images))[:IMAGES]
    for count, at in enumerate(range(0, len(rows), BATCH)):
        for layer in norms:
            layer.momentum = count / (count + 1)  # makes the running average the plain mean of what was seen
        model(np.asarray(images[np.sort(rows[at : at + BATCH])]), training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum
    for layer, rate in zip(every, rates, strict=True):
        if rate is not None:
            layer.rate = rate


def layers_of(model: Any) -> Iterator[Any]:
    """Yield every layer, those of nested networks too."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from layers_of(layer)
        else:
            yield layer
