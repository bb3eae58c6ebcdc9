"""What is combined: finished candidates with their probabilities, on the images of now."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.candidates.candidate import Candidate, model_sha256, read_candidate
from stages.core.errors import UserError
from stages.core.images.manifest import GROUPING, group_numbers, read_manifest, rows_of
from stages.core.images.packs import Pack
from stages.core.training.data import Data, TrainingFailed


@dataclass(frozen=True)
class Member:
    """A candidate that is combined: its files, and its probabilities float32 [N, K] by split."""

    candidate: Candidate
    said: dict[str, np.ndarray]

    @property
    def name(self) -> str:
        """Its name on the leaderboard."""
        return self.candidate.name


def read_member(name: str, folder: Path, data: Data) -> Member:
    """Read a member. Raises UserError when it failed, or was made from other classes or images than the rest."""
    candidate = read_candidate(folder)
    if candidate.failure:
        raise TrainingFailed(f"its member {name} has no model: {candidate.failure}")
    if candidate.record["classes"] != data.classes:
        raise UserError(
            f"{name} knows the classes {', '.join(candidate.record['classes'])}, the data {', '.join(data.classes)}; "
            f"`dvc repro` makes it anew"
        )
    table, said = candidate.predictions, {}
    for split, pack in splits(data).items():
        rows = table[table["split"] == split]
        if list(rows["path"]) != pack.paths:
            raise UserError(
                f"{name} was evaluated on other {split} images than those of now; `dvc repro` makes it anew"
            )
        said[split] = rows.filter(regex=r"^p\.").to_numpy(np.float32)
    return Member(candidate, said)


def splits(data: Data) -> dict[str, Pack]:
    """The splits that are predicted: val, and test where there is one."""
    return {"val": data.val} | ({"test": data.test} if data.test and len(data.test.labels) else {})


def lineage_of(folders: dict[str, Path]) -> dict[str, Any]:
    """Keys of the members and hashes of their models, by name."""
    records = {name: read_candidate(folder).record for name, folder in folders.items()}
    return {name: {"key": record["key"], "model_sha256": model_sha256(record)} for name, record in records.items()}


def units_of(manifest: Path) -> np.ndarray:
    """Numbers int64 [N] of the validation images: equal for images of one group, near copies, and equal pixels."""
    rows = rows_of(read_manifest(manifest, ["split", *GROUPING]), "val")
    return group_numbers(rows)
