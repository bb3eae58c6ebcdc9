"""A fit that can be broken off between any two steps and goes on as if it had not been.

What is kept: all variables of the network, its generators, the optimizer, the running metrics of the epoch; the state
of the callbacks, the best weights so far, the rows of the curves, Python's and NumPy's generators, epoch and step. The
order of the images and their changes are functions of (seed, epoch) and need no keeping.
"""

import random
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from stages.core.candidates.run_record import Clock
from stages.core.stopping import Stop
from stages.core.training.batches import TrainBatches
from stages.core.training.checkpoints import Checkpoint, State

KEPT = ("wait", "stopped_epoch", "best", "best_epoch", "cooldown_counter")  # of Keras' callbacks
BEST = "best_weights"


@dataclass
class Moment:
    """All that changes while a network is fitted, and the rows of its epochs."""

    network: Any
    meters: list[Any]
    callbacks: list[Any]
    rows: list[dict[str, float]]
    clock: Clock

    @property
    def variables(self) -> list[Any]:
        """Every variable that a step changes, in an order that the code alone determines."""
        running = [variable for meter in self.meters for variable in meter.variables]
        return [*self.network.variables, *self.network.optimizer.variables, *running]

    def state(self, **about: Any) -> State:
        """Copy everything. `about`: where the training is."""
        arrays = {f"variable/{i:05d}": keras.ops.convert_to_numpy(v) for i, v in enumerate(self.variables)}
        told = []
        for i, callback in enumerate(self.callbacks):
            told.append({name: plain(getattr(callback, name)) for name in KEPT if hasattr(callback, name)})
            best = getattr(callback, BEST, None)
            arrays |= {f"best/{i}/{k:05d}": np.asarray(array) for k, array in enumerate(best or [])}
        drawn, arrays["numpy"] = generators()
        return State({**about, "rows": self.rows, "callbacks": told, "clock": self.clock.read(), **drawn}, arrays)

    def put_back(self, state: State) -> None:
        """Make everything as it was. Raises ValueError when the state is of another network."""
        held = self.variables
        arrays = [state.arrays.get(f"variable/{i:05d}") for i in range(len(held))]
        for variable, array in zip(held, arrays, strict=True):
            if array is None or array.shape != tuple(variable.shape):
                raise ValueError(f"the checkpoint is of another network: {variable.path} has {tuple(variable.shape)}")
        for variable, array in zip(held, arrays, strict=True):
            variable.assign(array)
        for i, (callback, told) in enumerate(zip(self.callbacks, state.about["callbacks"], strict=True)):
            for name, value in told.items():
                setattr(callback, name, value)
            best = [state.arrays[name] for name in sorted(state.arrays) if name.startswith(f"best/{i}/")]
            if best:
                setattr(callback, BEST, best)
        draw_on(state)
        self.clock.resume(state.about["clock"])


def plain(value: Any) -> float | int | None:
    """A number of a callback as JSON holds it: Keras hands out tensors as well, of no more digits than a float."""
    return value if value is None or isinstance(value, int) else float(value)


def generators() -> tuple[dict[str, Any], np.ndarray]:
    """State of Python's and NumPy's generators: values for JSON, and NumPy's array."""
    version, numbers, gauss = random.getstate()
    kind, array, place, has_gauss, cached = np.random.get_state(legacy=True)
    return {"python": [version, list(numbers), gauss], "numpy": [kind, place, has_gauss, cached]}, np.asarray(array)


def draw_on(state: State) -> None:
    """Let the generators go on from where they were."""
    version, numbers, gauss = state.about["python"]
    kind, place, has_gauss, cached = state.about["numpy"]
    random.setstate((version, tuple(numbers), gauss))
    np.random.set_state((kind, state.arrays["numpy"], place, has_gauss, cached))


class Keeper(keras.callbacks.Callback):  # type: ignore[misc]
    """Puts a saved state back at the begin of its epoch; saves where it is time, and where a signal asks for it.

    It stands last among the callbacks: what the others do at the begin of an epoch is done.
    """

    def __init__(self, moment: Moment, checkpoint: Checkpoint, batches: TrainBatches, stop: Stop) -> None:
        super().__init__()
        self.moment, self.checkpoint, self.batches, self.stop = moment, checkpoint, batches, stop
        self.place: dict[str, Any] = {}  # of the phase under way
        self.saved: State | None = None
        self.epoch = 0

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Go on from a saved state, or save the end of the epoch before."""
        self.epoch = epoch
        if self.saved is not None:
            self.moment.put_back(self.saved)
            self.batches.skip(self.saved.about["step"])
            self.saved = None
        elif self.checkpoint.due or self.stop.asked:
            self.save(0)
        self.stop.raise_if_asked()

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Save within an epoch; not after its last step, when the next begins soon."""
        step = batch + 1
        if self.batches.skipped < step < len(self.batches):
            if self.checkpoint.due or self.stop.asked:
                self.save(step)
            self.stop.raise_if_asked()

    def save(self, step: int) -> None:
        """Keep the moment after so many steps of the epoch."""
        self.checkpoint.write(self.moment.state(**self.place, epoch=self.epoch, step=step, ended=False))

    def end(self) -> None:
        """Keep the network that the fit ended with."""
        self.checkpoint.write(self.moment.state(**self.place, epoch=self.epoch, step=0, ended=True))


def skipping(network: Any, n_steps: int, a_call: int) -> None:
    """Let the first steps of the next fit pass without training: they were done before the checkpoint."""
    network.make_train_function()
    train, left = network.train_function, [n_steps]

    def call(iterator: Any) -> Any:
        if left[0] <= 0:
            return train(iterator)
        left[0] -= a_call
        for _ in range(a_call):
            next(iterator)
        return {}

    network.train_function = call
