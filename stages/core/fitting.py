"""Train one entry of `models` on packed images: everything Keras-specific that nodes share."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from stages.core.fit_options import Fit
from stages.core.packs import Pack, Statistics

PREDICT_BATCH = 256
OnEpoch = Callable[[int, dict[str, float]], None]


class TrainingFailed(Exception):
    """Training broke for a reason that lies in the params or the data; the message says where.

    `rows` are the epochs that went well before.
    """

    def __init__(self, message: str, rows: list[dict[str, float]] | None = None) -> None:
        super().__init__(message)
        self.rows = rows or []


@dataclass(frozen=True)
class Data:
    """What a model is trained on; test is predicted once by a candidate, and hidden from trials.

    `looks` are those of the train images, for the record from which drift is measured; none are for trials.
    """

    train: Pack
    val: Pack
    test: Pack | None
    classes: list[str]
    statistics: Statistics
    looks: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True)
class Trained:
    """A Keras model from uint8 [N, H, W, C] to float32 [N, K], and its curves, one row an epoch."""

    model: Any
    history: pd.DataFrame


def build(module: Any, options: Any, fit: Fit, data: Data) -> Any:
    """Build the model of a kind with weights drawn from fit.seed.

    Raises TrainingFailed when these options make no network for images of this size.
    """
    import keras

    keras.backend.clear_session(free_memory=False)
    keras.utils.set_random_seed(fit.seed)
    keras.config.set_dtype_policy(fit.precision)
    shape = data.train.images.shape[1:]
    try:
        return module.build(options, shape, len(data.classes), data.statistics)
    except ValueError as error:
        reason = " ".join(str(error).split())[:300]
        raise TrainingFailed(f"no network can be built for images {shape}: {reason}") from error


def train(model: Any, fit: Fit, data: Data, on_epoch: OnEpoch, where: str) -> Trained:
    """Fit a built model. `on_epoch` gets the epoch (from 1) and its metrics. Raises TrainingFailed.

    `where` is the entry's place in params.yaml, for messages.
    """
    import keras

    from stages.core.balancing import loss
    from stages.core.batches import PlainBatches, TrainBatches
    from stages.core.optimizing import optimizer

    batches = TrainBatches(data.train, len(data.classes), fit)
    model.compile(
        optimizer(fit, len(batches) * fit.epochs),
        loss(fit),
        metrics=["accuracy"],
        jit_compile=fit.xla,
        steps_per_execution=fit.steps_per_execution,
    )
    watcher = Watcher(on_epoch, where)
    model.fit(
        batches,
        validation_data=PlainBatches(data.val, len(data.classes), PREDICT_BATCH),
        epochs=fit.epochs,
        shuffle=False,  # the batches are shuffled already
        verbose=0,
        callbacks=[
            keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: batches.start(epoch)),
            *callbacks(fit),
            watcher.callback(),
        ],
    )
    return Trained(model, pd.DataFrame(watcher.rows))


@contextmanager
def memory_watched(where: str, batch_size: int) -> Iterator[None]:
    """Raise TrainingFailed with advice when the memory of the device runs out in the block."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        advice = f"try {where}.batch_size: {batch_size // 2}" if batch_size > 1 else "use a smaller network or image"
        raise TrainingFailed(f"out of memory with {where}.batch_size = {batch_size}; {advice}") from error


def callbacks(fit: Fit) -> list[Any]:
    """Keras' own callbacks that a `fit` section asks for, in the order in which they must act."""
    import keras

    kinds, stop = keras.callbacks, fit.early_stopping
    chosen = []
    if fit.ema is not None:
        chosen.append(kinds.SwapEMAWeights(swap_on_epoch=True))
    if stop or fit.keep == "best":
        monitor, patience = (stop.monitor, stop.patience) if stop else ("val_accuracy", fit.epochs)
        best = fit.keep == "best"
        mode = "min" if monitor == "val_loss" else "max"
        chosen.append(kinds.EarlyStopping(monitor, patience=patience, mode=mode, restore_best_weights=best))
    if fit.reduce_on_plateau:
        plateau = fit.reduce_on_plateau
        chosen.append(kinds.ReduceLROnPlateau("val_loss", factor=plateau.factor, patience=plateau.patience))
    return chosen


class Watcher:
    """Collects a row an epoch and stops on NaN, saying where."""

    def __init__(self, on_epoch: OnEpoch, where: str) -> None:
        self.rows: list[dict[str, float]] = []
        self.on_epoch, self.where = on_epoch, where

    def callback(self) -> Any:
        """Return the Keras callback that calls this object."""
        import keras

        watcher = self

        class Watch(keras.callbacks.Callback):  # type: ignore[misc]
            def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
                if not np.isfinite((logs or {}).get("loss", 0.0)):
                    watcher.fail(f"epoch {len(watcher.rows) + 1}, step {batch + 1}")

            def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
                rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
                watcher.add({key: float(value) for key, value in (logs or {}).items()} | {"learning_rate": rate})

        return Watch()

    def fail(self, when: str) -> None:
        """Raise TrainingFailed: the loss left the finite numbers."""
        raise TrainingFailed(
            f"the loss became NaN or infinite at {when}; lower {self.where}.optimizer.rate "
            f"or set {self.where}.optimizer.clip_norm",
            self.rows,
        )

    def add(self, row: dict[str, float]) -> None:
        """Keep the metrics of an epoch, and hand them on."""
        epoch = len(self.rows) + 1
        if not all(np.isfinite(value) for value in row.values()):
            self.fail(f"the validation after epoch {epoch}")
        self.rows.append({"epoch": epoch, **row})
        self.on_epoch(epoch, row)


def predict(model: Any, pack: Pack, n_classes: int) -> np.ndarray:
    """Probabilities float32 [N, K] of a split, in its order."""
    from stages.core.batches import PlainBatches

    if not len(pack.labels):
        return np.zeros((0, n_classes), np.float32)
    return np.asarray(model.predict(PlainBatches(pack, n_classes, PREDICT_BATCH), verbose=0), np.float32)
