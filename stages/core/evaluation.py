"""The evaluation of anything that predicted: its flat metrics, tables and pictures, in one folder."""

from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.candidate import HISTORY, RECORD, Candidate
from stages.core.files import write_csv, write_json
from stages.core.metrics import (
    Outcomes,
    classes_of,
    confusion_matrix,
    confusions,
    measured,
    outcomes,
    per_class,
)
from stages.core.options import Evaluate
from stages.core.plots import confusion_picture, curves_picture


def evaluate(candidate: Candidate, options: Evaluate, folder: Path) -> dict[str, float]:
    """Write all tables and pictures of a candidate; returns its flat metrics, none for a failed one."""
    write_json(folder / RECORD, candidate.record)
    write_csv(folder / HISTORY, candidate.history)
    metrics = measure(candidate, options, folder) if not candidate.failure else {}
    write_json(folder / "metrics.json", metrics)
    return metrics


def measure(candidate: Candidate, options: Evaluate, folder: Path) -> dict[str, float]:
    """Measure every split that was predicted, and draw."""
    predictions, record = candidate.predictions, candidate.record
    classes = classes_of(predictions)
    metrics = {name: float(record[name]) for name in ("n_parameters", "multiply_adds", "model_bytes", "n_epochs")}
    for split in predictions["split"].unique():
        outcome = outcomes(predictions, split)
        metrics |= {f"{split}_{key}": value for key, value in measured(outcome, options).items()}
        write_split(outcome, classes, options, folder, split)
        write_csv(folder / f"{split}_mistakes.csv", mistakes(predictions[predictions["split"] == split]))
    curves_picture(candidate.history, candidate.name, folder / "curves.png")
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
