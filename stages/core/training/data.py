"""What a model is trained on: packs of all splits, or the features of a backbone, and what must be known of them."""

from dataclasses import dataclass, field

import numpy as np

from stages.core.errors import UserError
from stages.core.images.manifest import GROUPING, SPLITS, class_names, group_numbers, read_manifest, rows_of
from stages.core.images.packs import Pack, Statistics, joined, load_split, read_statistics
from stages.core.layout import Layout
from stages.core.settings.entries import FEATURES, IMAGES
from stages.core.settings.fit_options import Fit
from stages.core.settings.head_options import HeadFit
from stages.core.training.feature_files import Features, read_features
from stages.core.training.reference import train_looks


class TrainingFailed(Exception):
    """Training broke for a reason that lies in the params or the data; the message says where.

    `rows` are the epochs that went well before.
    """

    def __init__(self, message: str, rows: list[dict[str, float]] | None = None) -> None:
        super().__init__(message)
        self.rows = rows or []


class OutOfMemory(TrainingFailed, UserError):
    """The machine had too little memory: no property of the params and the data, and another try may succeed."""


@dataclass(frozen=True)
class Data:
    """What a model is trained on; test is predicted once by a candidate, and hidden from trials.

    `looks` are those of the train images, for the record from which drift is measured; none are for trials.
    `features` are there for an entry that takes them. `groups` int64 [N] are equal for train images that no fold
    divides; None: each stands alone.
    """

    train: Pack
    val: Pack
    test: Pack | None
    classes: list[str]
    statistics: Statistics
    looks: dict[str, np.ndarray] = field(default_factory=dict)
    features: Features | None = None
    groups: np.ndarray | None = None

    def fitted(self, fit: Fit | HeadFit) -> Pack:
        """Return the images that a fit is made on; the statistics stay those of train."""
        return self.train if fit.on == "train" else joined(self.train, self.val)

    def unseen(self, fit: Fit | HeadFit) -> dict[str, Pack]:
        """Return the splits that a fit does not see, by name; test only where it holds images."""
        test = {"test": self.test} if self.test and len(self.test.labels) else {}
        return ({"val": self.val} if fit.on == "train" else {}) | test


def load_data(layout: Layout, taken: str = IMAGES) -> Data:
    """Open the packed images of all splits with what a model that takes this must know of them."""
    manifest = read_manifest(layout.manifest, ["path", "label", "split", *GROUPING])
    train, val, test = (load_split(layout.images, manifest, split) for split in SPLITS)
    statistics, looks = read_statistics(layout.images), train_looks(layout.manifest)
    name = taken.removeprefix(FEATURES)
    features = read_features(name, layout.features(name)) if taken != IMAGES else None
    groups = group_numbers(rows_of(manifest, "train"))
    return Data(train, val, test, class_names(manifest), statistics, looks, features, groups)
