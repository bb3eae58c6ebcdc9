"""A candidate: whatever competes is the same folder of files, and says what made it.

model.keras, history.csv, predictions.parquet (val and test), reference.npz (where drift starts from), candidate.json
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.core.files import digest, read_json, write_csv, write_json, write_parquet
from stages.core.packs import Pack

MODEL, HISTORY, PREDICTIONS, RECORD = "model.keras", "history.csv", "predictions.parquet", "candidate.json"
REFERENCE = "reference.npz"  # not of a trial
TRIALS = "trials.csv"  # of a search, beside its winner


@dataclass(frozen=True)
class Candidate:
    """A candidate as read back; `failure` says why there is no model."""

    folder: Path
    record: dict[str, Any]

    @property
    def name(self) -> str:
        """Its name on the leaderboard."""
        return str(self.record["name"])

    @property
    def failure(self) -> str | None:
        """Why its training failed, or None."""
        return self.record["failure"]

    @property
    def predictions(self) -> pd.DataFrame:
        """One row an image: path, split, label and a probability a class."""
        return pd.read_parquet(self.folder / PREDICTIONS)

    @property
    def history(self) -> pd.DataFrame:
        """One row an epoch."""
        path = self.folder / HISTORY
        return pd.read_csv(path) if path.exists() else pd.DataFrame({"epoch": []})


def predictions_table(packs: dict[str, Pack], probabilities: dict[str, np.ndarray], classes: list[str]) -> pd.DataFrame:
    """All predictions as one table: path, split, label, and `p.<class>` float32 for every class."""
    parts = []
    for split, pack in packs.items():
        part = pd.DataFrame(probabilities[split], columns=[f"p.{name}" for name in classes])
        labels = [classes[index] for index in pack.labels]
        parts.append(pd.DataFrame({"path": pack.paths, "split": split, "label": labels}).join(part))
    return pd.concat(parts, ignore_index=True).astype({"path": "str", "split": "str", "label": "str"})


def write_candidate(
    folder: Path, record: dict[str, Any], history: pd.DataFrame, predictions: pd.DataFrame | None
) -> None:
    """Write everything but the model, with the hashes of all files in candidate.json."""
    write_csv(folder / HISTORY, history)
    if predictions is not None:
        write_parquet(folder / PREDICTIONS, predictions)
    files = (MODEL, HISTORY, PREDICTIONS, REFERENCE)
    outputs = {name: digest(folder / name) for name in files if (folder / name).exists()}
    write_json(folder / RECORD, {**record, "outputs": outputs})


def read_candidate(folder: Path) -> Candidate:
    """Read a candidate. Raises UserError when its stage has not run."""
    return Candidate(folder, read_json(folder / RECORD))
