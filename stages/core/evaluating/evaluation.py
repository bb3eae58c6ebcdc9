"""The evaluation of anything that predicted: its flat metrics, tables and pictures, in one folder."""

from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.candidates.candidate import HISTORY, RECORD, Candidate
from stages.core.evaluating.answers import write_answers
from stages.core.evaluating.confusion_table import confusion_table
from stages.core.evaluating.intervals import measured
from stages.core.evaluating.metrics import (
    Outcomes,
    classes_of,
    confusion_matrix,
    confusions,
    measures,
    outcomes,
)
from stages.core.evaluating.per_class import per_class
from stages.core.evaluating.plots import confusion_picture, curves_picture
from stages.core.evaluating.significance import MEASURES, mean_interval
from stages.core.files import write_csv, write_json
from stages.core.settings.evaluate_options import Evaluate

METRICS, SEED_TABLE = "metrics.json", "seeds.csv"
READS = (  # of the section, here; `tune` declares just these, so that nothing else of it makes a search run again
    "top_k", "calibration_bins", "confidence", "bootstrap", "bootstrap_from", "seed", "confused_pairs",
)  # fmt: skip


def evaluate(candidate: Candidate, options: Evaluate, folder: Path) -> dict[str, float]:
    """Write what there is to say of any candidate; returns its flat metrics, none for a failed one.

    Its probabilities are taken as they are: a search compares them with its own curves.
    """
    metrics = measure(candidate, candidate.repeats, options, folder)
    write_json(folder / METRICS, metrics)
    return metrics


def measure(candidate: Candidate, repeats: list[pd.DataFrame], options: Evaluate, folder: Path) -> dict[str, float]:
    """Measure every split that was predicted, and write its tables.

    repeats: the candidate's predictions, the model's own first, perhaps calibrated.
    """
    record = candidate.record
    write_json(folder / RECORD, record)
    write_csv(folder / HISTORY, candidate.history)
    if candidate.failure:
        return {}
    metrics = {name: float(record[name]) for name in ("n_parameters", "multiply_adds", "model_bytes", "n_epochs")}
    splits = list(repeats[0]["split"].unique()) if repeats else []  # a last fit without test images leaves none
    for split in splits:
        rows = repeats[0][repeats[0]["split"] == split]
        trainings = [outcomes(table, split) for table in repeats]
        metrics |= {f"{split}_{key}": value for key, value in measured(trainings[0], options).items()}
        write_split(trainings[0], classes_of(rows), options, folder, split)
        write_csv(folder / f"{split}_mistakes.csv", mistakes(rows))
        write_answers(folder, split, list(rows["path"]), trainings)
    return metrics | over_seeds(repeats, record.get("seeds", []), options, folder)


def draw(candidate: Candidate, repeats: list[pd.DataFrame], folder: Path) -> None:
    """Draw the confusion matrix of each split, of the model's own training, and the curves. A trial gets no pictures.

    They take 0.7 CPU seconds a trial, and its page in MLflow shows the same numbers.
    """
    for split in repeats[0]["split"].unique() if repeats else ():
        matrix = confusion_matrix(outcomes(repeats[0], split)).astype(np.int64)
        title, path = f"{split}: images by true and predicted class", folder / f"{split}_confusion_matrix.png"
        confusion_picture(matrix, classes_of(repeats[0]), title, path)
    if len(candidate.history):
        curves_picture(candidate.history, candidate.name, folder / "curves.png")


def over_seeds(tables: list[pd.DataFrame], seeds: list[int], options: Evaluate, folder: Path) -> dict[str, float]:
    """Write a row a seed and split; returns how many seeds there are and, of several, mean and t-interval."""
    rows = []
    for seed, table in zip(seeds, tables, strict=False):
        for split in table["split"].unique():
            outcome = outcomes(table, split)
            found = measures(outcome, np.ones(len(outcome.truth)), options)
            rows.append({"seed": seed, "split": split, **{name: found[name] for name in MEASURES}})
    write_csv(folder / SEED_TABLE, pd.DataFrame(rows, columns=["seed", "split", *MEASURES]))
    metrics = {"n_seeds": float(max(len(seeds), 1))}
    for split in dict.fromkeys(row["split"] for row in rows if len(tables) > 1):
        own = pd.DataFrame([row for row in rows if row["split"] == split])
        for name in MEASURES:
            low, high = mean_interval(own[name].to_numpy(), options.confidence)
            mean = f"{split}_{name}_mean"
            metrics |= {mean: float(own[name].mean()), f"{mean}_low": low, f"{mean}_high": high}
    return metrics


def write_split(outcome: Outcomes, classes: list[str], options: Evaluate, folder: Path, split: str) -> None:
    """Write the tables of one split."""
    matrix = confusion_matrix(outcome).astype(np.int64)
    write_csv(folder / f"{split}_confusion_matrix.csv", confusion_table(matrix, classes))
    write_csv(folder / f"{split}_per_class.csv", per_class(outcome, classes, options.confidence))
    write_csv(folder / f"{split}_confusions.csv", confusions(outcome, classes, options.confused_pairs))


def mistakes(rows: pd.DataFrame) -> pd.DataFrame:
    """Every wrong answer of a split, the surest first: path, true and predicted class, confidence."""
    classes = classes_of(rows)
    probabilities = rows[[f"p.{name}" for name in classes]].to_numpy()
    table = pd.DataFrame(
        {
            "path": rows["path"].to_numpy(),
            "true": rows["label"].to_numpy(),
            "predicted": [classes[index] for index in probabilities.argmax(axis=1)],
            "confidence": probabilities.max(axis=1),
        }
    )
    wrong = table[table["true"] != table["predicted"]]
    return wrong.sort_values("confidence", ascending=False, kind="stable")
