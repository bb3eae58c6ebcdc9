"""From an entry that is no network to a candidate on disk: a classical head on pixels, or on stored features.

On pixels it needs no TensorFlow, which takes longer to import than most heads to fit.
"""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

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
from stages.core.candidates.model_files import HEAD, MODEL, model_files
from stages.core.candidates.predictor import Headed, Network, decided, load_network, pixels
from stages.core.candidates.run_record import Clock
from stages.core.console import Bar, say
from stages.core.evaluating.log_loss import log_loss
from stages.core.files import remove, replaced, write_csv, write_parquet
from stages.core.heads import head_file, heads
from stages.core.heads.regularization import LabeledRows, Regularization, choose_c, needs_choice
from stages.core.images.packs import Pack
from stages.core.plain_text import one_line
from stages.core.settings.entries import Entry
from stages.core.settings.fit_options import Balance
from stages.core.settings.head_options import HeadFit
from stages.core.training.balancing import remedy
from stages.core.training.cost import latency_of, multiply_adds
from stages.core.training.data import Data, OutOfMemory, TrainingFailed
from stages.core.training.reference import evenly, write_reference

CHECKED = 5000  # train images on which the fit itself is measured


def make_head(
    folder: Path, entry: Entry, record: dict[str, Any], data: Data, threads: int
) -> tuple[Candidate, dict[str, Any]]:
    """Fit an entry once a seed and write its candidate; a fit that fails by itself is one that says so.

    Returns it with its timing.
    """
    chosen = checked_fit(entry)
    facts: dict[str, Any] = {"classes": data.classes, "input_shape": list(data.train.images.shape[1:])}
    balance = Balance(method=chosen.balance, beta=None, gamma=None)
    facts |= {"balance": remedy(data.fitted(chosen).labels, data.classes, balance), "seeds": chosen.seeds}
    timing: dict[str, Any] = {}
    history, predictions = pd.DataFrame({"epoch": []}), None
    try:
        entry, regularization = with_chosen_c(entry, data, threads)
        facts |= {"regularization": regularization} if regularization else {}
        head, history, timing = fit_seed(entry, chosen.seed, data, threads)
        others = [repeat(folder, entry, seed, data, threads) for seed in chosen.seeds[1:]]
        timing["seeds"] = [{"seed": chosen.seed, **timing}, *others]
        predictions = predict(head, data, chosen)
        facts |= written(folder, head, data, chosen) | {"n_train_images": len(rows_used(entry, data))}
        timing |= latency_of(opened(folder, head).predict, data.val.images)
    except OutOfMemory:
        raise
    except TrainingFailed as error:
        facts |= {"failure": f"models.{entry.name}: {error}", "n_epochs": 0}
        say(f"error: params.yaml: {facts['failure']}")
        remove(folder / SEEDS)
    write_candidate(folder, {**record, **facts}, history, predictions)
    return read_candidate(folder), timing


def checked_fit(entry: Entry) -> HeadFit:
    """Return the fit section of an entry that is no network. Raises ValueError for another."""
    if not isinstance(entry.fit, HeadFit):
        raise ValueError(f"{entry.name} is fitted in another way")
    return entry.fit


def fit_seed(entry: Entry, seed: int, data: Data, threads: int) -> tuple[Any, pd.DataFrame, dict[str, Any]]:
    """Fit with one of an entry's seeds: the head, its only row of history, and the seconds. Raises TrainingFailed."""
    one = replace(entry, fit=checked_fit(entry).model_copy(update={"seeds": [seed]}))
    chosen, clock = checked_fit(one), Clock()
    with Bar(1, f"train {entry.name}, seed {seed}", "fits") as bar:
        one, _ = with_chosen_c(one, data, threads)
        rows, pack = rows_used(one, data), data.fitted(chosen)
        unseen_class = next((name for k, name in enumerate(data.classes) if not (pack.labels[rows] == k).any()), None)
        if unseen_class:
            raise TrainingFailed(f"max_train_images = {len(rows)} leaves no image of {unseen_class!r}; raise it")
        numbers = as_rows(train_input(data, chosen), rows)
        try:
            made = entry.module("models").head(entry.options, chosen)
            head = heads.fitted(made, numbers, pack.labels[rows], threads)
        except MemoryError as error:
            raise OutOfMemory(
                f"models.{entry.name}: out of memory with {len(rows)} images of {numbers.shape[1]} "
                "numbers; lower max_train_images"
            ) from error
        except ValueError as error:
            raise TrainingFailed(f"the data can't be fitted so: {one_line(error)[:300]}") from error
        clock.tick()
        few = evenly(len(rows), CHECKED)
        row = {"epoch": 1, **scores("", pack.labels[rows][few], decided(head, numbers[few]))}
        if chosen.on == "train":
            row |= scores("val_", data.val.labels, decided(head, inputs(data, "val")))
        bar.update(**{name: f"{row[name]:.4f}" for name in ("loss", "val_accuracy") if name in row})
    return head, pd.DataFrame([row]), clock.read()


def with_chosen_c(entry: Entry, data: Data, threads: int) -> tuple[Entry, Regularization | None]:
    """Return an entry with the C that cross-validation on its train images chooses, and how; with a number, as it is.

    With fit.on: train+val it is chosen on train all the same. Raises TrainingFailed.
    """
    method = getattr(entry.options, "method", None)
    if not needs_choice(method):
        return entry, None
    fit = checked_fit(entry)
    used = rows_used(entry, data)
    used = used[used < len(data.train.labels)]  # of train+val, train comes first
    groups = np.arange(len(data.train.labels)) if data.groups is None else data.groups
    train_only = fit.model_copy(update={"on": "train"})

    def unfitted(settled: Any) -> Any:
        return entry.module("models").head(entry.options.model_copy(update={"method": settled}), fit)

    try:
        rows = LabeledRows(as_rows(train_input(data, train_only), used), data.train.labels[used], groups[used])
        method, regularization = choose_c(method, unfitted, rows, fit.balance == "class_weight", threads)
    except MemoryError as error:
        raise OutOfMemory(f"models.{entry.name}: out of memory choosing c; lower max_train_images") from error
    except ValueError as error:
        raise TrainingFailed(f"c can't be chosen so: {' '.join(str(error).split())[:300]}") from error
    return replace(entry, options=entry.options.model_copy(update={"method": method})), regularization


def repeat(folder: Path, entry: Entry, seed: int, data: Data, threads: int) -> dict[str, Any]:
    """Fit once more with another seed: seeds/<seed>/ keeps all but the model. Returns its seconds."""
    head, history, seconds = fit_seed(entry, seed, data, threads)
    place = folder / SEEDS / str(seed)
    place.mkdir(parents=True)
    write_csv(place / HISTORY, history)
    predictions = predict(head, data, checked_fit(entry))
    if predictions is not None:
        write_parquet(place / PREDICTIONS, predictions)
    return {"seed": seed, **seconds}


def rows_used(entry: Entry, data: Data) -> np.ndarray:
    """Rows that are fitted, int64, sorted: all, or `max_train_images`, a fair share of each class."""
    chosen = checked_fit(entry)
    labels = data.fitted(chosen).labels
    order = np.random.default_rng(chosen.seed).permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    most = entry.options.max_train_images or len(labels)
    return np.sort(order[evenly(len(order), most)])


def train_input(data: Data, fit: HeadFit) -> Any:
    """What the fitted images are to the head: uint8 [N, H, W, C], or features float32 [N, ...]."""
    if data.features is None:
        return data.fitted(fit).images
    stored = [data.features.stored(split) for split in (("train",) if fit.on == "train" else ("train", "val"))]
    return stored[0] if len(stored) == 1 else np.concatenate(stored)


def inputs(data: Data, split: str) -> np.ndarray:
    """Rows float32 [N, D] of a split."""
    pack: Pack = getattr(data, split)
    every = slice(None)
    return as_rows(data.features.stored(split) if data.features else pack.images, every)


def as_rows(source: Any, rows: np.ndarray | slice) -> np.ndarray:
    """Some rows of images or features as float32 [N, D]; only those are in memory."""
    found = source[rows]
    return pixels(found) if found.dtype == np.uint8 else np.asarray(found, np.float32).reshape(len(found), -1)


def scores(prefix: str, labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Log loss and accuracy, under the names of a history."""
    accuracy = float((probabilities.argmax(axis=1) == labels).mean())
    return {f"{prefix}loss": log_loss(probabilities, labels), f"{prefix}accuracy": accuracy}


def predict(head: Any, data: Data, fit: HeadFit) -> pd.DataFrame | None:
    """Predictions of the splits that a fit does not see; None where there are none."""
    packs = data.unseen(fit)
    probabilities = {split: decided(head, inputs(data, split)) for split in packs}
    return predictions_table(packs, probabilities, data.classes) if packs else None


def written(folder: Path, head: Any, data: Data, fit: HeadFit) -> dict[str, Any]:
    """Write the head, the backbone before it and the reference of drift; returns the repeatable cost of all."""
    with replaced(folder / HEAD) as temporary:
        temporary.write_bytes(head_file.dumped(head))
    if data.features:
        shutil.copy(data.features.backbone, folder / MODEL)
    n_parameters, n_multiply_adds = heads.cost(head)
    predictor = opened(folder, head)
    if predictor.network:
        n_parameters += int(predictor.network.model.count_params())
        n_multiply_adds += multiply_adds(predictor.network.model)
    if data.looks and (unseen := data.unseen(fit)):
        write_reference(folder / REFERENCE, data.looks, predictor, next(iter(unseen.values())).images)
    return {
        "failure": None,
        "n_parameters": n_parameters,
        "multiply_adds": n_multiply_adds,
        "model_bytes": sum((folder / name).stat().st_size for name in model_files(folder)),
        "n_epochs": 1,
    }


def opened(folder: Path, head: Any) -> Headed:
    """The candidate in a folder as it predicts."""
    network: Network | None = load_network(folder / MODEL) if (folder / MODEL).exists() else None
    return Headed(head, network)
