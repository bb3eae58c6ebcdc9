"""One of two candidates that are compared: its evaluation, wherever that is from, and what is known of its run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.core.candidates.candidate import RECORD
from stages.core.errors import UserError
from stages.core.evaluating.answers import path_of, read_answers
from stages.core.evaluating.significance import Answers
from stages.core.files import read_json
from stages.core.layout import Layout
from stages.core.revisiting.revisions import WORKSPACE


@dataclass(frozen=True)
class Side:
    """A candidate as its evaluation describes it, in `folder`.

    called: as the person named it; where: in words, where it is from; revision: of git or DVC, None for the workspace;
    run_id: of MLflow, where it was named so; run: what does not repeat about its run, empty where nobody noted it here.
    """

    called: str
    where: str
    folder: Path
    revision: str | None = None
    run_id: str = ""
    run: dict[str, Any] = field(default_factory=dict)

    @property
    def record(self) -> dict[str, Any]:
        """Its candidate.json."""
        return dict(read_json(self.folder / RECORD))

    @property
    def metrics(self) -> dict[str, float]:
        """Its metrics.json."""
        return dict(read_json(self.folder / "metrics.json"))

    @property
    def timing(self) -> dict[str, float]:
        """Seconds and latency, as far as they were noted."""
        return {key: value for key, value in self.run.get("timing", {}).items() if isinstance(value, float)}


@dataclass(frozen=True)
class Judgement:
    """What a candidate answered on a split: images, their classes by name, answers.

    probabilities: float64 [N, K] of its first training, None where it was evaluated before they were kept.
    """

    paths: list[str]
    labels: list[str]
    classes: list[str]
    answers: Answers
    probabilities: np.ndarray | None


def judgement(side: Side, split: str) -> Judgement:
    """Read the answers of a side. Raises UserError for one that failed or was not evaluated on the split."""
    record = side.record
    if record["failure"]:
        raise UserError(f"{side.called} has no model: its training failed ({record['failure']})")
    classes = list(record["classes"])
    answers = read_answers(side.folder, split, len(classes))
    table = pd.read_parquet(path_of(side.folder, split))
    columns = [f"probability.{k}" for k in range(len(classes))]
    whole = set(columns) <= set(table)
    return Judgement(
        paths=list(table["path"]),
        labels=[classes[k] for k in answers.truth],
        classes=classes,
        answers=answers,
        probabilities=table[columns].to_numpy(np.float64) if whole else None,
    )


def in_workspace(layout: Layout, name: str, called: str) -> Side:
    """A candidate of the checkout. Raises UserError when it was not evaluated."""
    return known(layout, Side(called, WORKSPACE, layout.evaluation(name)))


def known(layout: Layout, side: Side) -> Side:
    """The same side with the record of its run, where this machine has it."""
    path = layout.run_record(str(side.record["key"]))
    run = dict(read_json(path)) if path.exists() else side.run
    return Side(side.called, side.where, side.folder, side.revision, side.run_id, run)
