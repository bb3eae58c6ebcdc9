"""Train one entry of `models` on packed images: everything Keras-specific that nodes share."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stages.core.images.packs import Pack
from stages.core.plain_text import one_line
from stages.core.settings.fit_options import Fit
from stages.core.training.callbacks import Watcher, callbacks
from stages.core.training.checkpoints import State
from stages.core.training.data import Data, OutOfMemory, TrainingFailed
from stages.core.training.session import Session

PREDICT_BATCH = 256


@dataclass(frozen=True)
class Trained:
    """A Keras model from uint8 [N, H, W, C] to float32 [N, K], and its curves, one row an epoch.

    head: the part of it that takes stored features, where nothing before that was trained.
    """

    model: Any
    history: pd.DataFrame
    head: Any = None


def build(module: Any, options: Any, fit: Fit, data: Data) -> Any:
    """Build the model of a kind with weights drawn from fit.seed; of one that takes features, its head.

    Raises TrainingFailed when these options make no network for images of this size.
    """
    import keras

    keras.backend.clear_session(free_memory=False)
    keras.utils.set_random_seed(fit.seed)
    keras.config.set_dtype_policy(fit.precision)
    shape = data.features.shape if data.features else data.train.images.shape[1:]
    try:
        model = module.build(options, shape, len(data.classes), data.statistics)
        if hasattr(module, "initialize"):
            module.initialize(model, options, glimpse(data.train.images, fit.seed))
        return model
    except ValueError as error:
        reason = one_line(error)[:300]
        raise TrainingFailed(f"no network can be built for images {shape}: {reason}") from error


def glimpse(images: np.ndarray, seed: int) -> np.ndarray:
    """Some 400 of the images uint8 [N, H, W, C], in runs of 8: a disk that is cold reads these sooner than single ones.

    A function of the number of images and the seed.
    """
    starts = np.arange(0, len(images), 8)
    chosen = np.random.default_rng([seed, 4]).choice(starts, min(50, len(starts)), replace=False)
    return np.concatenate([images[start : start + 8] for start in np.sort(chosen)])


def train(model: Any, fit: Fit, data: Data, session: Session) -> Trained:
    """Fit a built model, from where an earlier life of the session was broken off. Raises TrainingFailed, Stopped."""
    from stages.core.stopping import deferred
    from stages.core.training.batches import TrainBatches
    from stages.core.training.finishing import finished
    from stages.core.training.resuming import Keeper, Moment

    batches = TrainBatches(data.fitted(fit), len(data.classes), fit)
    network = resizable(model, session.where) if fit.image_sizes else model
    meter = compiled(network, fit, len(batches))
    watcher, acting = Watcher(session), callbacks(fit, batches)
    moment = Moment(network, [network.metrics[0], meter], acting, session.rows, session.clock)
    with deferred() as stop:
        keeper = Keeper(moment, session.checkpoint, batches, stop)
        keeper.place = {"where": session.where, "n_before": len(session.rows)}
        saved = session.taken_up()
        if saved is None or not saved.about["ended"]:
            run(network, data, fit, [*acting, watcher.callback(), *session.callbacks, keeper], saved)
            keeper.end()
        else:
            moment.put_back(saved)
    if network is not model:
        model.set_weights(network.get_weights())
    return Trained(finished(model, fit.views), pd.DataFrame(session.rows))


def compiled(network: Any, fit: Fit, n_steps: int) -> Any:
    """Compile a network, with everything made that a checkpoint can fill; returns the metric of its accuracy."""
    import keras

    from stages.core.training.balancing import loss
    from stages.core.training.optimizing import optimizer

    meter = keras.metrics.CategoricalAccuracy(name="accuracy")
    network.compile(
        optimizer(fit, n_steps * fit.epochs),
        loss(fit),
        metrics=[meter],
        jit_compile=fit.xla,
        steps_per_execution=fit.steps_per_execution,
    )
    network.optimizer.build(network.trainable_variables)
    return meter


def run(network: Any, data: Data, fit: Fit, acting: list[Any], saved: State | None) -> None:
    """Call Keras' fit for each phase of a run that is left; the last of the callbacks is the keeper."""
    import keras

    from stages.core.training.batches import PlainBatches, stream
    from stages.core.training.resuming import skipping

    keeper = acting[-1]
    batches, keeper.saved = keeper.batches, saved
    validation = PlainBatches(data.val, len(data.classes), PREDICT_BATCH) if fit.on == "train" else None
    start = keras.callbacks.LambdaCallback(on_epoch_begin=lambda epoch, _: batches.start(epoch))
    begun, step = (saved.about["epoch"], saved.about["step"]) if saved else (0, 0)
    for first, last, scale in phases(fit):
        if last <= begun:
            continue
        batches.scale = scale
        batches.skip(0)
        network.train_function = None  # traced anew, for the size of this phase
        if first <= begun and step:
            skipping(network, step, fit.steps_per_execution)
        network.fit(
            stream(batches),
            validation_data=stream(validation) if validation else None,
            initial_epoch=max(first, begun),
            epochs=last,
            shuffle=False,  # the batches are shuffled already
            verbose=0,
            callbacks=[start, *acting],
        )
        if network.stop_training:
            break


def phases(fit: Fit) -> list[tuple[int, int, float]]:
    """Return (first epoch from 0, epoch after the last, scale of the images) of each part of a run."""
    ends = [round(size.until * fit.epochs) for size in fit.image_sizes or []]
    scales = [size.scale for size in fit.image_sizes or []]
    every = zip([0, *ends], [*ends, fit.epochs], [*scales, 1.0], strict=True)
    return [(first, last, scale) for first, last, scale in every if first < last]


def resizable(model: Any, where: str) -> Any:
    """Return a copy of a model that takes images of any size. Raises TrainingFailed for one that is tied to its own."""
    from stages.core.training.finishing import any_size

    try:
        return any_size(model)
    except ValueError as error:
        raise TrainingFailed(
            f"{where}.image_sizes needs a network that takes any size: convolutions up to a pool over the whole map "
            "(flatten: average); set image_sizes: null"
        ) from error


@contextmanager
def memory_watched(where: str, batch_size: int) -> Iterator[None]:
    """Raise OutOfMemory with advice when the memory of the device or of the machine runs out in the block."""
    import tensorflow as tf

    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        advice = f"try {where}.batch_size: {batch_size // 2}" if batch_size > 1 else "use a smaller network or image"
        raise OutOfMemory(
            f"out of memory with {where}.batch_size = {batch_size}; {advice}, or free memory and run `dvc repro` again"
        ) from error


def predict(model: Any, pack: Pack, n_classes: int) -> np.ndarray:
    """Probabilities float32 [N, K] of a split, in its order."""
    from stages.core.training.batches import PlainBatches, stream

    if not len(pack.labels):
        return np.zeros((0, n_classes), np.float32)
    return np.asarray(model.predict(stream(PlainBatches(pack, n_classes, PREDICT_BATCH)), verbose=0), np.float32)
