"""From an entry of params.yaml to a candidate on disk: what train, trials and the winner of a search share."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import pandas as pd

from stages.core.candidates import model_file
from stages.core.candidates.candidate import (
    HISTORY,
    PREDICTIONS,
    REFERENCE,
    SEEDS,
    Candidate,
    predictions_table,
    read_candidate,
    write_candidate,
)
from stages.core.candidates.lineage import provenance
from stages.core.candidates.model_files import MODEL
from stages.core.candidates.predictor import Network
from stages.core.candidates.run_record import Clock
from stages.core.console import Bar, say, working
from stages.core.files import remove, write_csv, write_parquet
from stages.core.images.packs import Pack
from stages.core.layout import Layout
from stages.core.settings.entries import Entry
from stages.core.settings.fit_options import Fit
from stages.core.settings.options import Runtime
from stages.core.training import fitting, transferring
from stages.core.training.balancing import remedy
from stages.core.training.checkpoints import Checkpoint
from stages.core.training.cost import latency, multiply_adds
from stages.core.training.data import Data, OutOfMemory, TrainingFailed
from stages.core.training.fitting import Trained
from stages.core.training.kernels import kernels_named
from stages.core.training.reference import write_reference
from stages.core.training.session import Session

SHOWN = ("loss", "accuracy", "val_loss", "val_accuracy")  # in the live line of a training


class Listener(Protocol):
    """Who is told of every epoch while it happens."""

    def epoch(self, number: int, row: dict[str, float]) -> bool | None:
        """Hear of an epoch (from 1) and its metrics; true ends the training there."""


class Silent:
    """A listener that tells nobody: of the trainings after the first."""

    def epoch(self, number: int, row: dict[str, float]) -> None:
        """Do nothing."""


def record_of(layout: Layout, stage: str, entry: Entry, extra: dict[str, Any], runtime: Runtime) -> dict[str, Any]:
    """Everything that repeats and is known before training; `extra` are further params of the stage."""
    params = {**entry.written, **extra, "runtime": runtime.model_dump()}
    return provenance(layout, stage, entry.name, params)


@dataclass(frozen=True)
class Task:
    """An entry to be trained: on what, told to whom, and kept in which folder, at least every so many seconds.

    record: what repeats and is known before. kept is None where a training that is broken off begins anew. callbacks
    are further ones of Keras.
    """

    entry: Entry
    record: dict[str, Any]
    data: Data
    listener: Listener
    kept: Path | None = None
    every_s: float = 0
    callbacks: tuple[Any, ...] = ()

    def checkpoint(self, seed: int) -> Checkpoint:
        """The file in which the training of one seed is kept."""
        return Checkpoint(self.kept / f"seed-{seed}.checkpoint" if self.kept else None, self.every_s)


def make(folder: Path, task: Task) -> tuple[Candidate, dict[str, Any]]:
    """Train an entry once a seed and write its candidate; a training that fails by itself is one that says so.

    Returns it with its timing. Raises OutOfMemory, and whatever else is not the training's own fault.
    """
    entry, data = task.entry, task.data
    folder.mkdir(parents=True, exist_ok=True)
    facts: dict[str, Any] = {"classes": data.classes, "input_shape": list(data.train.images.shape[1:])}
    chosen = checked_fit(entry)
    facts |= {"balance": remedy(data.fitted(chosen).labels, data.classes, chosen.balance), "seeds": chosen.seeds}
    timing: dict[str, Any] = {}
    history, predictions = pd.DataFrame({"epoch": []}), None
    try:
        with fitting.memory_watched(f"models.{entry.name}.fit", entry.written["fit"]["batch_size"]):
            trained, timing = fit_seed(task, chosen.seed)
            others = [repeat(folder, replace(task, listener=Silent()), seed) for seed in chosen.seeds[1:]]
            timing["seeds"] = [{"seed": chosen.seed, **timing}, *others]
            history = trained.history
            with working(f"train {entry.name}: answers to the images that were not fitted"):
                predictions = predict(trained, transferring.unseen(trained, data, chosen), data.classes)
                write_model(folder, trained, data, chosen)
            facts |= facts_of(trained, folder / MODEL)
            if data.looks:  # no trial's, of whose model nobody reads the latency
                timing |= latency(trained.model, data.val.images)
    except OutOfMemory:
        raise
    except TrainingFailed as error:
        history = pd.DataFrame(error.rows or {"epoch": []})
        facts |= {"failure": f"models.{entry.name}: {error}", "n_epochs": len(error.rows)}
        say(f"error: params.yaml: {facts['failure']}")
        remove(folder / SEEDS)
    write_candidate(folder, {**task.record, **facts}, history, predictions)
    return read_candidate(folder), timing


def write_model(folder: Path, trained: Trained, data: Data, chosen: Fit) -> None:
    """Write the model, and what it remembers of the images where that is wanted."""
    model_file.save(trained.model, folder / MODEL)
    if data.looks and (unseen := data.unseen(chosen)):
        own = next(iter(unseen.values())).images
        write_reference(folder / REFERENCE, data.looks, Network(trained.model), own)


def fit_seed(task: Task, seed: int) -> tuple[Trained, dict[str, Any]]:
    """Train with one of an entry's seeds. Raises TrainingFailed, with the seed where there are several."""
    fit_options = checked_fit(task.entry)
    one = replace(task.entry, fit=fit_options.model_copy(update={"seeds": [seed]}))
    try:
        where = f"models.{one.name}.fit"
        with fitting.memory_watched(where, fit_options.batch_size), kernels_named(where):
            return fit(replace(task, entry=one))
    except TrainingFailed as error:
        if len(fit_options.seeds) == 1:
            raise
        raise type(error)(f"with seed {seed}: {error}", error.rows) from error


def repeat(folder: Path, task: Task, seed: int) -> dict[str, Any]:
    """Train once more with another seed, for what differs by chance: seeds/<seed>/ keeps all but the model.

    Returns its seconds. Raises TrainingFailed.
    """
    trained, seconds = fit_seed(task, seed)
    place = folder / SEEDS / str(seed)
    place.mkdir(parents=True)
    write_csv(place / HISTORY, trained.history)
    unseen = transferring.unseen(trained, task.data, checked_fit(task.entry))
    predictions = predict(trained, unseen, task.data.classes)
    if predictions is not None:
        write_parquet(place / PREDICTIONS, predictions)
    return {"seed": seed, **seconds}


def fit(task: Task) -> tuple[Trained, dict[str, Any]]:
    """Build and train, with a progress bar over epochs; returns the seconds as well. Raises TrainingFailed."""
    entry, data, clock = task.entry, task.data, Clock()
    options = checked_fit(entry)
    with Bar(transferring.n_epochs(entry, options), f"train {entry.name}, seed {options.seed}", "epochs") as bar:

        def on_epoch(epoch: int, row: dict[str, float]) -> bool | None:
            clock.tick()
            bar.update(**{name: f"{row[name]:.4f}" for name in SHOWN if name in row})
            with clock.stopped():
                return task.listener.epoch(epoch, row)

        def on_step(step: int, n_steps: int) -> None:
            bar.within(f"step {step}/{n_steps}", step / n_steps)

        session = Session(on_epoch, f"models.{entry.name}", task.checkpoint(options.seed), clock)
        session.callbacks += task.callbacks
        session.on_step = on_step
        model = fitting.build(entry.module("models"), entry.options, options, data)
        if data.features:
            return transferring.train(model, entry, options, data, session), clock.read()
        session.where += ".fit"
        return fitting.train(model, options, data, session), clock.read()


def checked_fit(entry: Entry) -> Fit:
    """Return the fit section of an entry of models. Raises ValueError for an entry of another group."""
    if not isinstance(entry.fit, Fit):
        raise ValueError(f"{entry.name} is no network")
    return entry.fit


def predict(trained: Trained, packs: dict[str, Pack], classes: list[str]) -> pd.DataFrame | None:
    """Predictions of splits by name; None where there are none."""
    probabilities = {name: fitting.predict(trained.head or trained.model, packs[name], len(classes)) for name in packs}
    return predictions_table(packs, probabilities, classes) if packs else None


def facts_of(trained: Trained, path: Path) -> dict[str, Any]:
    """Repeatable cost of a model and how long it was trained."""
    return {
        "failure": None,
        "n_parameters": int(trained.model.count_params()),
        "multiply_adds": multiply_adds(trained.model),
        "model_bytes": path.stat().st_size,
        "n_epochs": len(trained.history),
    }
