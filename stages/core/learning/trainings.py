"""The trainings of a learning curve: the entry as `train` makes it, but for its seed, images and number of epochs."""

import math
from pathlib import Path
from typing import Any

import pandas as pd

from stages.core.errors import UserError
from stages.core.files import remove, write_parquet
from stages.core.settings import entries
from stages.core.settings.entries import Entry
from stages.core.settings.search_space import applied
from stages.core.training.data import Data, TrainingFailed

LENGTHS = ("fit.epochs", "unfreeze.epochs", "fit.early_stopping.patience", "fit.reduce_on_plateau.patience")


def answers(entry: Entry, data: Data, kept: Path, how: tuple[float, int]) -> pd.DataFrame:
    """Predictions of the validation images by a training; what an earlier life of the command made is read back.

    how: seconds of work that a kill may cost, and threads. Raises UserError for a training that fails by itself.
    """
    done = kept.parent / f"{kept.name}.parquet"  # a share such as 0.5 has a dot
    if not done.exists():
        try:
            write_parquet(done, trained(entry, data, kept, how))
        except TrainingFailed as error:
            raise UserError(
                f"models.{entry.name} can't be trained on {len(data.train.labels):,} images: {error}; "
                "raise learning_curve.shares"
            ) from error
        remove(kept)
    return pd.read_parquet(done)


def tried(entry: Entry, seed: int, n_images: tuple[int, int], equal: str) -> Entry:
    """The entry with one seed, and with as many steps on some of its images as it has on all. n_images: some, all."""
    changes: dict[str, Any] = {"fit.seeds": [seed]}
    if entry.is_network and equal == "steps":
        size = entry.written["fit"]["batch_size"]
        some, every = (math.ceil(n / size) for n in n_images)
        lengths = {name: length(entry.written, name) for name in LENGTHS}
        changes |= {name: round(epochs * every / some) for name, epochs in lengths.items() if epochs}
    return entries.entry("models", entry.name, applied(entry.written, changes))


def length(written: dict[str, Any], name: str) -> int | None:
    """The number of epochs at a dotted place of an entry; None where it has none."""
    found: Any = written
    for key in name.split("."):
        found = (found or {}).get(key)
    return int(found) if found else None


def trained(entry: Entry, data: Data, kept: Path, how: tuple[float, int]) -> pd.DataFrame:
    """Train with the entry's first seed, and predict. Raises TrainingFailed."""
    every_s, threads = how
    if entry.is_network:
        from stages.core.training import making, transferring

        kept.mkdir(exist_ok=True)
        fit = making.checked_fit(entry)
        result, _ = making.fit_seed(making.Task(entry, {}, data, making.Silent(), kept, every_s), fit.seed)
        said = making.predict(result, transferring.unseen(result, data, fit), data.classes)
    else:
        from stages.core.heads import head_making

        options = head_making.checked_fit(entry)
        head, _, _ = head_making.fit_seed(entry, options.seed, data, threads)
        said = head_making.predict(head, data, options)
    if said is None:
        raise ValueError(f"{entry.name} left no validation images")
    return said
