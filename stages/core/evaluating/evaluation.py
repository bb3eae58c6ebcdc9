"""The evaluation of anything that predicted: its flat metrics, tables and pictures, in one folder."""

from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.candidates.candidate import HISTORY, RECORD, Candidate
from stages.core.evaluating.answers import write_answers
from stages.core.evaluating.metrics import (
    Outcomes,
    classes_of,
    confusion_matrix,
    confusions,
    measured,
    measures,
    outcomes,
    per_class,
)
from stages.core.evaluating.plots import confusion_picture, curves_picture
from stages.core.evaluating.significance import MEASURES, mean_interval
from stages.core.files import write_csv, write_json
from stages.core.settings.options import Evaluate

SEED_TABLE = "seeds.csv"


def evaluate(candidate: Candidate, options: Evaluate, folder: Path) -> dict[str, float]:
    """Write all tables and pictures of a candidate; returns its flat metrics, none for a failed one."""
    write_json(folder / RECORD, candidate.record)
    write_csv(folder / HISTORY, candidate.history)
    metrics = measure(candidate, options, folder) if not candidate.failure else {}
    write_json(folder / "metrics.json", metrics)
    return metrics


def measure(candidate: Candidate, options: Evaluate, folder: Path) -> dict[str, float]:
    """Measure every split that was predicted, and draw; of several trainings, the pictures are of the model's own."""
    repeats, record = candidate.repeats, candidate.record
    metrics = {name: float(record[name]) for name in ("n_parameters", "multiply_adds", "model_bytes", "n_epochs")}
    splits = list(repeats[0]["split"].unique()) if repeats else []  # a last fit without test images leaves none
    for split in splits:
        rows = repeats[0][repeats[0]["split"] == split]
        trainings = [outcomes(table, split) for table in repeats]
        metrics |= {f"{split}_{key}": value for key, value in measured(trainings[0], options).items()}
        write_split(trainings[0], classes_of(rows), options, folder, split)
        write_csv(folder / f"{split}_mistakes.csv", mistakes(rows))
        write_answers(folder, split, list(rows["path"]), trainings)
    metrics |= over_seeds(repeats, record.get("seeds", []), options, folder)
    if len(candidate.history):
        curves_picture(candidate.history, candidate.name, folder / "curves.png")
    return metrics


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
    """Write the tables and the picture of one split."""
    matrix = confusion_matrix(outcome).astype(np.int64)
    table = pd.DataFrame(matrix, columns=classes)
    table.insert(0, "true", classes)
    write_csv(folder / f"{split}_confusion_matrix.csv", table)
    confusion_picture(
        matrix,
        classes,
        f"{split}: images by true and predicted class",
        folder / f"{split}_confusion_matrix.png",
    )
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
