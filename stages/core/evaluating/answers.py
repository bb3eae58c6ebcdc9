"""What a candidate answered, image by image and seed by seed: kept beside its metrics, so that two can be compared."""

from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.errors import UserError
from stages.core.evaluating.log_loss import losses
from stages.core.evaluating.metrics import Outcomes
from stages.core.evaluating.significance import Answers
from stages.core.files import write_parquet


def path_of(folder: Path, split: str) -> Path:
    """File of the answers to one split, in the folder of an evaluation."""
    return folder / f"{split}_answers.parquet"


def write_answers(folder: Path, split: str, paths: list[str], trainings: list[Outcomes]) -> None:
    """Write a row an image: path, truth, for each training its predicted class and loss; of the first, all it said.

    Columns `probability.<k>` (float32) make the evaluation of the first training complete without its predictions.
    """
    truth = trainings[0].truth
    columns: dict[str, object] = {"path": paths, "truth": truth}
    for place, outcome in enumerate(trainings):
        columns[f"predicted.{place}"] = outcome.predicted
        columns[f"loss.{place}"] = losses(outcome.probabilities, truth)
    said = trainings[0].probabilities.astype(np.float32).T
    columns |= {f"probability.{k}": column for k, column in enumerate(said)}
    write_parquet(path_of(folder, split), pd.DataFrame(columns))


def read_answers(folder: Path, split: str, n_classes: int) -> Answers:
    """Read the answers to one split. Raises UserError when the candidate was not evaluated on it."""
    path = path_of(folder, split)
    if not path.exists():
        raise UserError(f"{path} is missing: {folder.name} has no predictions of {split}, or `dvc repro` is to be run")
    table = pd.read_parquet(path)
    predicted, losses = (table.filter(like=f"{name}.").to_numpy().T for name in ("predicted", "loss"))
    return Answers(table["truth"].to_numpy(), predicted, losses, n_classes)
