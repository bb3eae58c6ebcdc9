"""From an entry of params.yaml to a candidate on disk: what train, trials and the winner of a search share."""

import resource
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from stages.core import fitting, model_file
from stages.core.candidate import MODEL, Candidate, predictions_table, read_candidate, write_candidate
from stages.core.console import Bar, say
from stages.core.cost import latency, multiply_adds
from stages.core.files import write_json
from stages.core.fitting import Data, Trained, TrainingFailed
from stages.core.layout import Layout
from stages.core.lineage import provenance, whereabouts
from stages.core.manifest import class_names, read_manifest
from stages.core.options import Runtime
from stages.core.packing import Pack, load_split, read_statistics
from stages.core.params import Entry


@dataclass
class Clock:
    """CPU and wall seconds of a training, imports excluded, and what was spent at the end of each epoch."""

    cpu: float = field(default_factory=lambda: cpu_seconds())
    wall: float = field(default_factory=time.perf_counter)
    epochs: list[float] = field(default_factory=list)

    def tick(self) -> None:
        """Note the CPU seconds at the end of an epoch."""
        self.epochs.append(round(cpu_seconds() - self.cpu, 3))

    def read(self) -> dict[str, Any]:
        """Seconds so far, for the record of the run."""
        wall = round(time.perf_counter() - self.wall, 3)
        return {"train_cpu_s": round(cpu_seconds() - self.cpu, 3), "train_wall_s": wall, "epoch_cpu_s": self.epochs}


def cpu_seconds() -> float:
    """User and system seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def load_data(layout: Layout) -> tuple[Data, Pack]:
    """Open the packed images; the test split comes apart, as nothing but the last prediction may see it."""
    manifest = read_manifest(layout.manifest)
    packs = {split: load_split(layout.images, manifest, split) for split in ("train", "val", "test")}
    data = Data(packs["train"], packs["val"], class_names(manifest), read_statistics(layout.images))
    return data, packs["test"]


def record_of(layout: Layout, stage: str, entry: Entry, extra: dict[str, Any], runtime: Runtime) -> dict[str, Any]:
    """Everything that repeats and is known before training; `extra` are further params of the stage."""
    params = {**entry.written, **extra, "runtime": runtime.model_dump()}
    return provenance(layout, stage, entry.name, params)


def make(folder: Path, entry: Entry, record: dict[str, Any], data: Data, more: "Extras") -> tuple[Candidate, dict[str, Any]]:
    """Train an entry and write its candidate; a failed training is a candidate that says so.

    Returns it with its timing. Raises whatever is not the training's own fault.
    """
    folder.mkdir(parents=True, exist_ok=True)
    clock, facts, predictions = Clock(), {"failure": None, "n_epochs": 0}, None
    history = pd.DataFrame({"epoch": []})
    timing: dict[str, Any] = {}
    try:
        trained = fit(entry, data, more, clock)
        timing = clock.read()
        history = trained.history
        model_file.save(trained.model, folder / MODEL)
        predictions = predict(trained, data, more)
        facts |= facts_of(trained, folder / MODEL)
        timing |= latency(trained.model, data.val.images)
    except TrainingFailed as error:
        facts["failure"] = f"models.{entry.name}: {error}"
        say(f"error: params.yaml: {facts['failure']}")
    described = {"classes": data.classes, "input_shape": list(data.train.images.shape[1:])}
    write_candidate(folder, {**record, **described, **facts}, history, predictions)
    return read_candidate(folder), {**timing, **clock.read()} if not timing else timing


@dataclass(frozen=True)
class Extras:
    """What a training gets beside its entry and data: whom to tell of epochs, and splits to predict besides val."""

    listeners: Iterable[Any]
    also_predict: dict[str, Pack]


def fit(entry: Entry, data: Data, more: Extras, clock: Clock) -> Trained:
    """Build and train, with a progress bar over epochs. Raises TrainingFailed."""
    assert entry.fit is not None
    with Bar(entry.fit.epochs, f"train {entry.name}", "epoch") as bar:

        def on_epoch(epoch: int, row: dict[str, float]) -> None:
            clock.tick()
            bar.update(loss=f"{row['loss']:.4f}", val_accuracy=f"{row['val_accuracy']:.4f}")
            for listener in more.listeners:
                listener.epoch(epoch, row)

        model = fitting.build(entry.module("models"), entry.options, entry.fit, data)
        return fitting.train(model, entry.fit, data, on_epoch, f"models.{entry.name}.fit")


def predict(trained: Trained, data: Data, more: Extras) -> pd.DataFrame:
    """Predictions of val and of the splits asked for."""
    packs = {"val": data.val, **{name: pack for name, pack in more.also_predict.items() if len(pack.labels)}}
    probabilities = {name: fitting.predict(trained.model, pack, len(data.classes)) for name, pack in packs.items()}
    return predictions_table(packs, probabilities, data.classes)


def facts_of(trained: Trained, path: Path) -> dict[str, Any]:
    """Repeatable cost of a model and how long it was trained."""
    return {
        "n_parameters": int(trained.model.count_params()),
        "multiply_adds": multiply_adds(trained.model),
        "model_bytes": path.stat().st_size,
        "n_epochs": len(trained.history),
    }


def write_run_record(layout: Layout, candidate: Candidate, timing: dict[str, Any]) -> None:
    """Write what does not repeat about a run, where no stage reads it."""
    key = candidate.record["key"]
    about = {"candidate": candidate.name, "key": key, **whereabouts(layout), "timing": timing}
    about["finished"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    write_json(layout.run_record(key), about)
    write_json(layout.timing(candidate.name), {"candidate": candidate.name, "key": key, **timing})
