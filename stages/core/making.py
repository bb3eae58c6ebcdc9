"""From an entry of params.yaml to a candidate on disk: what train, trials and the winner of a search share."""

import resource
import time
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from stages.core import fitting, model_file
from stages.core.balancing import remedy
from stages.core.candidate import MODEL, REFERENCE, Candidate, predictions_table, read_candidate, write_candidate
from stages.core.console import Bar, say
from stages.core.cost import latency, multiply_adds
from stages.core.files import write_json
from stages.core.fit_options import Fit
from stages.core.fitting import Data, Trained, TrainingFailed
from stages.core.layout import Layout
from stages.core.lineage import provenance, whereabouts
from stages.core.manifest import SPLITS, class_names, read_manifest
from stages.core.options import Runtime
from stages.core.packs import load_split, read_statistics
from stages.core.params import Entry
from stages.core.reference import train_looks, write_reference


class Listener(Protocol):
    """Who is told of every epoch while it happens."""

    def epoch(self, number: int, row: dict[str, float]) -> None:
        """Hear of an epoch (from 1) and its metrics."""


class Clock:
    """CPU and wall seconds of a training, imports excluded, and the CPU seconds at the end of each epoch."""

    def __init__(self) -> None:
        self.cpu, self.wall = cpu_seconds(), time.perf_counter()
        self.epochs: list[float] = []

    def tick(self) -> None:
        """Note the CPU seconds at the end of an epoch."""
        self.epochs.append(round(cpu_seconds() - self.cpu, 3))

    def read(self) -> dict[str, Any]:
        """Seconds so far, for the record of the run."""
        wall = round(time.perf_counter() - self.wall, 3)
        cpu = round(cpu_seconds() - self.cpu, 3)
        return {"train_cpu_s": cpu, "train_wall_s": wall, "epoch_cpu_s": self.epochs}


def cpu_seconds() -> float:
    """User and system seconds of this process."""
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])


def load_data(layout: Layout) -> Data:
    """Open the packed images of all splits with what a model must know of them."""
    manifest = read_manifest(layout.manifest, ["path", "label", "split"])
    train, val, test = (load_split(layout.images, manifest, split) for split in SPLITS)
    statistics, looks = read_statistics(layout.images), train_looks(layout.manifest)
    return Data(train, val, test, class_names(manifest), statistics, looks)


def record_of(layout: Layout, stage: str, entry: Entry, extra: dict[str, Any], runtime: Runtime) -> dict[str, Any]:
    """Everything that repeats and is known before training; `extra` are further params of the stage."""
    params = {**entry.written, **extra, "runtime": runtime.model_dump()}
    return provenance(layout, stage, entry.name, params)


def make(
    folder: Path, entry: Entry, record: dict[str, Any], data: Data, listener: Listener
) -> tuple[Candidate, dict[str, Any]]:
    """Train an entry and write its candidate; a training that fails by itself is a candidate that says so.

    Returns it with its timing. Raises whatever is not the training's own fault.
    """
    folder.mkdir(parents=True, exist_ok=True)
    facts: dict[str, Any] = {"classes": data.classes, "input_shape": list(data.train.images.shape[1:])}
    facts["balance"] = remedy(data.train.labels, data.classes, checked_fit(entry))
    timing: dict[str, Any] = {}
    history, predictions = pd.DataFrame({"epoch": []}), None
    try:
        with fitting.memory_watched(f"models.{entry.name}.fit", entry.written["fit"]["batch_size"]):
            trained, timing = fit(entry, data, listener)
            history, predictions = trained.history, predict(trained, data)
            model_file.save(trained.model, folder / MODEL)
            if data.looks:
                write_reference(folder / REFERENCE, data.looks, trained.model, data.val.images)
            facts |= facts_of(trained, folder / MODEL)
            timing |= latency(trained.model, data.val.images)
    except TrainingFailed as error:
        history = pd.DataFrame(error.rows or {"epoch": []})
        facts |= {"failure": f"models.{entry.name}: {error}", "n_epochs": len(error.rows)}
        say(f"error: params.yaml: {facts['failure']}")
    write_candidate(folder, {**record, **facts}, history, predictions)
    return read_candidate(folder), timing


def fit(entry: Entry, data: Data, listener: Listener) -> tuple[Trained, dict[str, Any]]:
    """Build and train, with a progress bar over epochs; returns the seconds as well. Raises TrainingFailed."""
    options, clock = checked_fit(entry), Clock()
    with Bar(options.epochs, f"train {entry.name}", "epoch") as bar:

        def on_epoch(epoch: int, row: dict[str, float]) -> None:
            clock.tick()
            bar.update(loss=f"{row['loss']:.4f}", val_accuracy=f"{row['val_accuracy']:.4f}")
            listener.epoch(epoch, row)

        model = fitting.build(entry.module("models"), entry.options, options, data)
        return fitting.train(model, options, data, on_epoch, f"models.{entry.name}.fit"), clock.read()


def checked_fit(entry: Entry) -> Fit:
    """Return the fit section of an entry of models. Raises ValueError for an entry of another group."""
    if entry.fit is None:
        raise ValueError(f"{entry.name} has no fit section")
    return entry.fit


def predict(trained: Trained, data: Data) -> pd.DataFrame:
    """Predictions of val, and of test where there is one."""
    packs = {"val": data.val} | ({"test": data.test} if data.test and len(data.test.labels) else {})
    probabilities = {name: fitting.predict(trained.model, pack, len(data.classes)) for name, pack in packs.items()}
    return predictions_table(packs, probabilities, data.classes)


def facts_of(trained: Trained, path: Path) -> dict[str, Any]:
    """Repeatable cost of a model and how long it was trained."""
    return {
        "failure": None,
        "n_parameters": int(trained.model.count_params()),
        "multiply_adds": multiply_adds(trained.model),
        "model_bytes": path.stat().st_size,
        "n_epochs": len(trained.history),
    }


def write_run_record(layout: Layout, candidate: Candidate, timing: dict[str, Any], devices: list[str]) -> None:
    """Write what does not repeat about a run, where no stage reads it."""
    key = candidate.record["key"]
    about = {"candidate": candidate.name, "key": key, **whereabouts(layout), "devices": devices, "timing": timing}
    about["finished"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    write_json(layout.run_record(key), about)
    write_json(layout.timing(candidate.name), {"candidate": candidate.name, "key": key, **timing})
