"""A candidate: whatever competes is the same folder of files, and says what made it.

What predicts (model.keras, head.skops, ensemble.json with members/: see predictor.py), history.csv, predictions.parquet
(val and test), reference.npz (where drift starts from), candidate.json;
seeds/<seed>/ with history.csv and predictions.parquet of each training after the first
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.core.candidates.model_files import MODEL_FILES, model_files
from stages.core.files import canonical, digest, read_json, text_digest, write_csv, write_json, write_parquet
from stages.core.images.packs import Pack

HISTORY, PREDICTIONS, RECORD = "history.csv", "predictions.parquet", "candidate.json"
REFERENCE = "reference.npz"  # not of a trial
TRIALS = "trials.csv"  # of a search, beside its winner
SEARCH = "search"  # folder of what mattered in it
SEEDS = "seeds"  # folder of the trainings after the first


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
    def repeats(self) -> list[pd.DataFrame]:
        """Predictions of every training in the order of its seeds, the model's own first; none without images."""
        own = [self.folder / PREDICTIONS]
        others = [self.folder / SEEDS / str(seed) / PREDICTIONS for seed in self.record.get("seeds", [])[1:]]
        return [pd.read_parquet(path) for path in (*own, *others) if path.exists()]

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
    files = (*model_files(folder), HISTORY, PREDICTIONS, REFERENCE)
    paths = [folder / name for name in files] + sorted((folder / SEEDS).glob("*/*"))
    outputs = {path.relative_to(folder).as_posix(): digest(path) for path in paths if path.exists()}
    write_json(folder / RECORD, {**record, "outputs": outputs})


def model_sha256(record: dict[str, Any]) -> str:
    """Hash of what predicts: of its file, or of the names and hashes of its files where it has several."""
    outputs = {name: found for name, found in record["outputs"].items() if Path(name).name in MODEL_FILES}
    return next(iter(outputs.values())) if len(outputs) == 1 else text_digest(canonical(outputs))


def read_candidate(folder: Path) -> Candidate:
    """Read a candidate. Raises UserError when its stage has not run."""
    return Candidate(folder, read_json(folder / RECORD))
