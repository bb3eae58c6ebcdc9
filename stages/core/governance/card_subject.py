"""What a model card is about, read once; and the words that all its parts share."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from stages.core.files import read_json, read_text_csv, records
from stages.core.images.manifest import read_manifest
from stages.core.layout import Layout
from stages.core.reporting.standing import Standing

NAMES = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro F1"}
NAMES |= {"log_loss": "log loss", "ece": "calibration error (ECE)"}


@dataclass(frozen=True)
class Subject:
    """What a card is about: a candidate as it was evaluated, its data, and the level of its intervals."""

    layout: Layout
    standing: Standing
    confidence: float

    @property
    def record(self) -> dict[str, Any]:
        """Its candidate.json."""
        return self.standing.record

    @cached_property
    def source(self) -> dict[str, Any]:
        """Where the images are from."""
        return dict(read_json(self.layout.source / "source.json"))

    @cached_property
    def broken(self) -> list[dict[str, Any]]:
        """Promises that the data broke."""
        return [
            found for found in read_json(self.layout.validation / "verdict.json")["findings"] if not found["passed"]
        ]

    @cached_property
    def manifest(self) -> pd.DataFrame:
        """Class and split of every image."""
        return read_manifest(self.layout.manifest, ["label", "split"])

    @property
    def splits(self) -> list[str]:
        """Splits that it was measured on."""
        return [split for split in ("test", "val") if f"{split}_accuracy" in self.standing.metrics]

    def table(self, split: str, name: str) -> list[dict[str, Any]]:
        """Rows of a table of its evaluation."""
        path = self.standing.folder / f"{split}_{name}.csv"
        return records(read_text_csv(path, ("true", "predicted", "class"))) if path.exists() else []

    def with_interval(self, measure: str) -> str:
        """A measure with its interval: 0.9721 (0.9495–0.9848)."""
        metrics = self.standing.metrics
        low, high = metrics.get(f"{measure}_low"), metrics.get(f"{measure}_high")
        return f"{metrics[measure]:.4f}" + (f" ({low:.4f}–{high:.4f})" if low is not None and high is not None else "")


def row(cells: list[Any]) -> str:
    """A line of a table."""
    return f"| {' | '.join(map(str, cells))} |"
