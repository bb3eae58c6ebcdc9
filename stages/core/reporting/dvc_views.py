"""What DVC's own commands show: few numbers for `dvc metrics diff` and `dvc exp show`, tables for `dvc plots diff`."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from stages.core.candidates.candidate import HISTORY
from stages.core.evaluating.answers import read_answers
from stages.core.evaluating.curves import MACRO
from stages.core.files import read_text_csv, write_csv
from stages.core.reporting.standing import Standing

OF_CHAMPION = ("val_accuracy", "test_accuracy", "test_log_loss", "test_ece")
PICTURES = ("confusion_matrix", "reliability", "mistakes")  # of the champion
POINTS = 5000  # rows of the table of the confusion matrix, which is a row an image


def summary(order: list[Standing], champion: Standing | None) -> dict[str, Any]:
    """The champion with a few numbers, and the validation accuracy of all that compete, under short names."""
    metrics = champion.metrics if champion else {}
    return {
        "champion": champion.name if champion else "none",
        **{name: rounded(metrics[name]) for name in OF_CHAMPION if name in metrics},
        "val": {one.name: rounded(one.score("val_accuracy")) for one in order if one.competes},
    }


def rounded(value: float) -> float:
    """Six digits: more say nothing, and make a column wide."""
    return float(f"{value:.6g}")


def write_plots(folder: Path, order: list[Standing], champion: Standing | None) -> None:
    """Write curves of all candidates, a row a point with its candidate, and what the champion confuses.

    training.csv: by epoch; roc.csv, risk_coverage.csv, reliability.csv: on the images that measure it; confusion.csv:
    a row an image; and pictures as PNG.
    """
    usable = [one for one in order if not one.failure]
    write_csv(folder / "training.csv", below_each_other(usable, lambda one: pd.read_csv(one.folder / HISTORY)))
    for name in ("roc", "risk_coverage", "reliability"):
        write_csv(folder / f"{name}.csv", below_each_other(usable, partial(of_split, name=name)))
    write_csv(folder / "confusion.csv", confusion(champion))
    for name in PICTURES:
        if champion and (split := measured_on(champion)):
            shutil.copy(champion.folder / f"{split}_{name}.png", folder / f"{name}.png")


def below_each_other(candidates: list[Standing], table: Callable[[Standing], pd.DataFrame]) -> pd.DataFrame:
    """The tables of candidates in one, each row with the name of its candidate."""
    parts = [table(one).assign(candidate=one.name) for one in candidates]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"candidate": []})


def measured_on(standing: Standing) -> str:
    """The split that says how good a candidate is: test where there is one; nothing where all images were fitted."""
    return next((split for split in ("test", "val") if f"{split}_accuracy" in standing.metrics), "")


def of_split(standing: Standing, name: str) -> pd.DataFrame:
    """A table of the split that measures a candidate; of ROC curves the mean."""
    split = measured_on(standing)
    if not split:
        return pd.DataFrame()
    table = read_text_csv(standing.folder / f"{split}_{name}.csv", ("class",))
    if name != "roc":
        return table
    n_last = int((table["class"][::-1] == MACRO).cummin().sum())  # a class may be called macro, too: the mean is last
    return table.tail(n_last).drop(columns="class")


def confusion(champion: Standing | None) -> pd.DataFrame:
    """True and predicted class of each image, of many images of an even choice."""
    split = measured_on(champion) if champion else ""
    if not champion or not split:
        return pd.DataFrame({"actual": [], "predicted": []})
    names = champion.record["classes"]
    answers = read_answers(champion.folder, split, len(names))
    step = -(-len(answers.truth) // POINTS)
    pairs = pd.DataFrame({"actual": answers.truth[::step], "predicted": answers.predicted[0][::step]})
    return pairs.map(lambda index: names[index])
