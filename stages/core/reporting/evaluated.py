"""The files of one evaluation as the report reads them, from the folder that `evaluate` wrote."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from stages.core.candidates.calibrated import Calibration, read_calibration
from stages.core.errors import UserError
from stages.core.files import read_text_csv
from stages.core.reporting.standing import Standing

TEXTS = ("true", "predicted", "class", "path", "column", "slice")  # columns with names from data


@dataclass(frozen=True)
class Evaluated:
    """One candidate on the images that judge it best: the test images, where there are none the validation images."""

    standing: Standing

    @property
    def folder(self) -> Path:
        """Where its evaluation lies."""
        return self.standing.folder

    @property
    def split(self) -> str:
        """`test`, `val`, or nothing when it was fitted on all images."""
        return next((split for split in ("test", "val") if f"{split}_accuracy" in self.standing.metrics), "")

    @property
    def images(self) -> str:
        """Its split in words."""
        return {"test": "test images", "val": "validation images"}[self.split]

    @cached_property
    def calibration(self) -> Calibration:
        """Temperature and threshold that it is used with."""
        return read_calibration(self.folder)

    def table(self, name: str) -> pd.DataFrame:
        """A table of its split. Raises UserError where `evaluate` has not written it."""
        return read_text_csv(self.path(name), TEXTS)

    def path(self, name: str) -> Path:
        """The file of a table of its split. Raises UserError where `evaluate` has not written it."""
        path = self.folder / f"{self.split}_{name}.csv"
        if not path.exists():
            raise UserError(f"{path} is missing; `dvc repro` makes it")
        return path

    def slices(self, confidence: float) -> pd.DataFrame:
        """Its slices, and whether each is clearly less accurate than all other images: `worse`, at this level."""
        table = self.table("slices")
        return table.assign(worse=(table["p_value"] <= 1 - confidence) & (table["accuracy"] < self.metric("accuracy")))

    def metric(self, name: str) -> float:
        """A measure on its split. Raises KeyError for one that it hasn't got."""
        return self.standing.metrics[f"{self.split}_{name}"]
