"""From finished candidates to a combined one on disk: their files copied, what joins them fitted, and all checked."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.core.candidates.candidate import (
    REFERENCE,
    Candidate,
    predictions_table,
    read_candidate,
    write_candidate,
)
from stages.core.candidates.model_files import ENSEMBLE, HEAD, MEMBERS, model_files
from stages.core.candidates.predictor import averaged, decided, load_predictor, side_by_side
from stages.core.candidates.run_record import Clock
from stages.core.combine import combining
from stages.core.combine.combining import Combined, Validation, accuracy, rounded
from stages.core.combine.members import Member, read_member, splits
from stages.core.combine.soup_making import make_soup
from stages.core.console import say
from stages.core.errors import UserError
from stages.core.evaluating.log_loss import log_loss
from stages.core.files import canonical, replaced, write_text
from stages.core.heads import head_file, heads
from stages.core.settings.combine_options import Combination, Soup, Stack, Weighted
from stages.core.training.cost import latency_of
from stages.core.training.data import Data, TrainingFailed
from stages.core.training.reference import write_reference

CLOSE = 0.01  # how far the model may answer from what its members were evaluated with: other processors, other digits
ASKED = 64  # images on which that is looked at


@dataclass(frozen=True)
class Task:
    """What is to be combined: the section, the members' folders by name, the unit of each validation image, threads."""

    options: Combination
    folders: dict[str, Path]
    units: np.ndarray
    threads: int


def make_combined(folder: Path, task: Task, record: dict[str, Any], data: Data) -> tuple[Candidate, dict[str, Any]]:
    """Write the candidate that its members are together; a combination that fails by itself says so.

    Returns it with its timing. Raises UserError.
    """
    facts: dict[str, Any] = {"classes": data.classes, "input_shape": list(data.train.images.shape[1:]), "n_epochs": 0}
    predictions, clock = None, Clock()
    timing: dict[str, Any] = {}
    try:
        members = [read_member(name, place, data) for name, place in task.folders.items()]
        if isinstance(task.options, Soup):
            probabilities, found = make_soup(folder, task.options, [member.candidate for member in members], data)
        else:
            probabilities, found = make_ensemble(folder, task, members, data)
        timing = clock.read()
        predictions = predictions_table(splits(data), probabilities, data.classes)
        facts |= {"failure": None, **found, "combined": compared(found["combined"], members, probabilities, data)}
        facts["model_bytes"] = sum((folder / name).stat().st_size for name in model_files(folder))
        predictor = load_predictor(folder)
        write_reference(folder / REFERENCE, data.looks, predictor, data.val.images)
        timing |= latency_of(predictor.predict, data.val.images, repeats=5)
    except TrainingFailed as error:
        facts["failure"] = f"combine.{record['entry']}: {error}"
        say(f"error: params.yaml: {facts['failure']}")
    write_candidate(folder, {**record, **facts}, pd.DataFrame({"epoch": []}), predictions)
    return read_candidate(folder), timing


def make_ensemble(
    folder: Path, task: Task, members: list[Member], data: Data
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Fit what joins the members, write the model, check it; returns probabilities by split and facts."""
    for member in members:
        copy_model(member.candidate.folder, folder / MEMBERS / member.name)
    said = {split: np.stack([member.said[split] for member in members]) for split in splits(data)}
    rows = {split: side_by_side(list(values)) for split, values in said.items()}
    if isinstance(task.options, Stack) and task.options.on == "penultimate":
        rows = {split: seen(folder, members, pack.images) for split, pack in splits(data).items()}
    fitted = fit(task, said["val"], rows["val"], Validation(data.val.labels, task.units))
    write_model(folder, task.options, [member.name for member in members], fitted)
    final = {split: answers(fitted, said[split], rows[split]) for split in said}
    check(folder, data.val.images[:ASKED], final["val"][:ASKED])
    cost = heads.cost(fitted.head) if fitted.head is not None else (len(members), len(members) * len(data.classes))
    records = [member.candidate.record for member in members]
    facts = {
        "n_parameters": sum(record["n_parameters"] for record in records) + cost[0],
        "multiply_adds": sum(record["multiply_adds"] for record in records) + cost[1],
        "combined": {"weights": named(fitted.weights, members), **fitted.about},
    }
    return {**final, "val": fitted.held_out}, facts


def fit(task: Task, said: np.ndarray, rows: np.ndarray, validation: Validation) -> Combined:
    """Fit on validation what the method fits. said: [M, N, K]; rows: what a head takes, [N, D]."""
    if isinstance(task.options, Weighted):
        return combining.weighted(said, validation, task.options)
    if isinstance(task.options, Stack):
        return combining.stacked(rows, validation, task.options, task.threads)
    return combining.average(said)


def answers(fitted: Combined, said: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Probabilities float32 [N, K] of the deployed model."""
    return averaged(said, fitted.weights) if fitted.head is None else decided(fitted.head, rows)


def named(weights: list[float], members: list[Member]) -> dict[str, float]:
    """Weights by member."""
    return {member.name: rounded(weight) for member, weight in zip(members, weights, strict=bool(weights))}


def copy_model(source: Path, place: Path) -> None:
    """Copy all that predicts."""
    for name in model_files(source):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / name, place / name)


def seen(folder: Path, members: list[Member], images: np.ndarray) -> np.ndarray:
    """What goes into the last layers of all members, side by side, float32 [N, D]."""
    return side_by_side([load_predictor(folder / MEMBERS / member.name).see(images)[0] for member in members])


def write_model(folder: Path, options: Combination, names: list[str], fitted: Combined) -> None:
    """Write ensemble.json and, of a stack, its head."""
    on = options.on if isinstance(options, Stack) else "probabilities"
    write_text(folder / ENSEMBLE, canonical({"members": names, "weights": fitted.weights, "on": on}))
    if fitted.head is not None:
        with replaced(folder / HEAD) as temporary:
            temporary.write_bytes(head_file.dumped(fitted.head))


def check(folder: Path, images: np.ndarray, expected: np.ndarray) -> None:
    """Ask the model that was written. Raises UserError when it answers otherwise than it will be evaluated."""
    distance = float(np.abs(load_predictor(folder).predict(images) - expected).max())
    if distance > CLOSE:
        raise UserError(
            f"the members answer otherwise here than when they were evaluated, by up to {distance:.3f} of probability: "
            "they were made with another TensorFlow or processor; `dvc repro -f` makes them anew"
        )


def compared(
    about: dict[str, Any], members: list[Member], probabilities: dict[str, np.ndarray], data: Data
) -> dict[str, Any]:
    """What the record says of the fit: log loss and accuracy on validation, held out, beside the members' own."""
    labels = data.val.labels

    def judged(said: np.ndarray) -> dict[str, float]:
        return {"log_loss": rounded(log_loss(said, labels)), "accuracy": rounded(accuracy(said, labels))}

    return {
        **about,
        "validation_held_out": judged(probabilities["val"]),
        "validation_of_members": {member.name: judged(member.said["val"]) for member in members},
        "validation_of_plain_average": judged(
            averaged(np.stack([member.said["val"] for member in members]), [1 / len(members)] * len(members))
        ),
    }
