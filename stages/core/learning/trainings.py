"""The trainings of a learning curve: the entry as `train` makes it, but for its seed and its images."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from stages.core.errors import UserError
from stages.core.files import write_parquet
from stages.core.settings.entries import Entry
from stages.core.training.data import Data, TrainingFailed


def answers(entry: Entry, seed: int, data: Data, kept: Path, how: tuple[float, int]) -> pd.DataFrame:
    """Predictions of the validation images by a training; what an earlier life of the command made is read back.

    how: seconds of work that a kill may cost, and threads. Raises UserError for a training that fails by itself.
    """
    done = kept.parent / f"{kept.name}.parquet"  # a share such as 0.5 has a dot
    if not done.exists():
        try:
            write_parquet(done, trained(entry, seed, data, kept, how))
        except TrainingFailed as error:
            raise UserError(
                f"models.{entry.name} can't be trained on {len(data.train.labels):,} images: {error}; "
                "raise learning_curve.shares"
            ) from error
    return pd.read_parquet(done)


def trained(entry: Entry, seed: int, data: Data, kept: Path, how: tuple[float, int]) -> pd.DataFrame:
    """Train and predict. Raises TrainingFailed."""
    every_s, threads = how
    if entry.is_network:
        from stages.core.training import making, transferring

        kept.mkdir(exist_ok=True)
        fit = making.checked_fit(entry).model_copy(update={"seeds": [seed]})
        one = replace(entry, fit=fit)
        result, _ = making.fit_seed(making.Task(one, {}, data, making.Silent(), kept, every_s), seed)
        said = making.predict(result, transferring.unseen(result, data, fit), data.classes)
    else:
        from stages.core.heads import head_making

        head, _, _ = head_making.fit_seed(entry, seed, data, threads)
        said = head_making.predict(head, data, head_making.checked_fit(entry))
    if said is None:
        raise ValueError(f"{entry.name} left no validation images")
    return said
