"""Averages of a network's weights over the steps of a run, with batch norm statistics that belong to them."""

from collections.abc import Callable, Iterable
from typing import Any

import keras
import numpy as np

Sample = Callable[[], Iterable[np.ndarray]]


class AveragedWeights(keras.callbacks.Callback):  # type: ignore[misc]
    """Put the optimizer's moving average of weights in for validation and for the end of an epoch.

    Keras' own SwapEMAWeights leaves batch norm with the statistics of the raw weights, and gives these back when a
    run is stopped early. `sample` gives batches of train images uint8 [B, H, W, C], on which they are taken anew.
    """

    def __init__(self, sample: Sample) -> None:
        super().__init__()
        self.sample = sample
        self.raw: list[np.ndarray] | None = None  # while the averages are in the model

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Validate what will be kept."""
        self.put_in()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Let those who keep the best weights see the averages, also where nothing is validated."""
        self.put_in()

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Train on from where training stood."""
        if self.raw is not None:
            self.model.set_weights(self.raw)
            self.raw = None

    def put_in(self) -> None:
        """Replace the weights by their averages, once an epoch."""
        if self.raw is not None:
            return
        self.raw = self.model.get_weights()
        optimizer = getattr(self.model.optimizer, "inner_optimizer", self.model.optimizer)  # mixed precision wraps it
        averages = optimizer._model_variables_moving_average
        for variable, average in zip(optimizer._trainable_variables, averages, strict=True):
            variable.assign(average)
        estimate_norms(self.model, self.sample())


def estimate_norms(model: Any, batches: Iterable[np.ndarray]) -> None:
    """Set the statistics of each batch norm that trains to their mean over some batches, uint8 [B, H, W, C]."""
    norms = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    norms = [layer for layer in norms if layer.trainable]
    if not norms:
        return
    momenta = [layer.momentum for layer in norms]
    weights = {id(variable) for variable in model.weights}
    states = [(v, v.numpy()) for v in model.variables if id(v) not in weights]  # of dropout's generators
    for k, images in enumerate(batches):
        for layer in norms:
            layer.momentum = k / (k + 1)  # a running mean; not traced, so a plain number can change
        model(images, training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum
    for variable, state in states:
        variable.assign(state)
