"""What a training gives step by step, as hashes: the real training of an entry, watched by a callback of Keras.

Runs in a process of its own, as TensorFlow can be set up once a process.
"""

import contextlib
import hashlib
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.settings.entries import Entry
from stages.core.settings.params import Params, open_project
from stages.core.training.data import Data, TrainingFailed, load_data

OPTIMIZER = "optimizer"
SPOILED = 2  # the step whose images a planted fault turns into their negatives


@dataclass(frozen=True)
class Job:
    """One training of the comparison: an entry for so many steps.

    threads: None for those of params.yaml. spoiled: with a fault planted in the images of a step.
    """

    root: Path
    entry: str
    steps: int
    determinism: str
    threads: int | None = None
    spoiled: bool = False


@dataclass
class Trace:
    """Hashes by layer: of the weights as drawn, then after every step; and the CPU seconds of each step.

    A stride above 1 stands for steps_per_execution: so many steps are one. A head that is fitted at once has one step.
    """

    hashes: list[dict[str, str]] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    stride: int = 1
    failure: str | None = None


class Enough(Exception):
    """Leaves a training that was watched for as many steps as were asked for."""


def traced(job: Job) -> Trace:
    """Train as the job says; a training that fails by itself is a trace that says so. Raises UserError."""
    params, layout = open_project(job.root)
    entry, trace = params.model(job.entry), Trace()
    threads = job.threads or params.tree.runtime.threads
    data = load_data(layout, entry.input)
    try:
        if entry.is_network:
            trace.devices = started(params, job)
            watch_network(entry, data, job, trace)
        else:
            watch_head(entry, data, threads, trace)
    except TrainingFailed as error:
        trace.failure = str(error)
    return trace


def started(params: Params, job: Job) -> list[str]:
    """Start TensorFlow as the job says; returns the names of GPUs."""
    from stages.core.training.runtime import start_tensorflow

    changes = {"determinism": job.determinism} | ({"threads": job.threads} if job.threads else {})
    return start_tensorflow(params.tree.runtime.model_copy(update=changes))


def watch_network(entry: Entry, data: Data, job: Job, trace: Trace) -> None:
    """Train by the code of `train`, up to the last step that is asked for."""
    from stages.core.training import making

    if job.spoiled:
        spoil()
    task = making.Task(entry, {}, data, making.Silent(), callbacks=(watcher(job.steps, trace),))
    with contextlib.suppress(Enough):
        making.fit_seed(task, making.checked_fit(entry).seed)


def watch_head(entry: Entry, data: Data, threads: int, trace: Trace) -> None:
    """Fit a head by the code of `train`."""
    from stages.core.heads import head_file, head_making

    head, _, seconds = head_making.fit_seed(entry, head_making.checked_fit(entry).seed, data, threads)
    parts = dict(head.steps) if hasattr(head, "steps") else {type(head).__name__: head}
    trace.hashes.append({name: hashlib.sha256(head_file.dumped(part)).hexdigest() for name, part in parts.items()})
    trace.cpu_s.append(seconds["train_cpu_s"])


def watcher(steps: int, trace: Trace) -> Any:
    """Return the Keras callback that writes the trace."""
    import keras

    class Watch(keras.callbacks.Callback):  # type: ignore[misc]
        def on_train_begin(self, logs: Any = None) -> None:
            trace.stride = int(self.model.steps_per_execution)
            if not trace.hashes:
                trace.hashes.append(hashes(self.model))

        def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
            self.began = time.process_time()

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            trace.cpu_s.append(time.process_time() - self.began)
            trace.hashes.append(hashes(self.model))
            if len(trace.cpu_s) * trace.stride >= steps:
                raise Enough

    return Watch()


def hashes(model: Any) -> dict[str, str]:
    """SHA-256 of the weights of each layer, in the order of the network, then of the optimizer."""
    found = {name: digest_of(layer.weights) for name, layer in leaves(model, "") if layer.weights}
    return found | ({OPTIMIZER: digest_of(model.optimizer.variables)} if model.optimizer else {})


def leaves(model: Any, prefix: str) -> list[tuple[str, Any]]:
    """Every layer with the path of its name, those of nested networks too."""
    found = []
    for layer in model.layers:
        path = f"{prefix}{layer.name}"
        found += leaves(layer, f"{path}/") if hasattr(layer, "layers") else [(path, layer)]
    return found


def digest_of(variables: list[Any]) -> str:
    """SHA-256 over the bytes of some variables."""
    import keras

    hashed = hashlib.sha256()
    for variable in variables:
        hashed.update(np.ascontiguousarray(keras.ops.convert_to_numpy(variable)).tobytes())
    return hashed.hexdigest()


def spoil() -> None:
    """Plant the fault: in this process, the images of step SPOILED are negatives."""
    from stages.core.training.batches import TrainBatches

    own = TrainBatches.images

    def images(self: TrainBatches, index: int) -> tuple[np.ndarray, np.ndarray]:
        found, labels = own(self, index)
        step = self.epoch * len(self) + index + 1
        return (255 - found if step == SPOILED else found), labels

    TrainBatches.images = images  # type: ignore[method-assign]
