"""A last fit: the settings that were chosen, once more, on the train and validation images together."""

import copy
from typing import Any

import pandas as pd

from stages.core.errors import UserError
from stages.core.settings.search_space import applied


def refit(name: str, written: dict[str, Any], history: pd.DataFrame) -> dict[str, Any]:
    """Return the entry of `models` that repeats a candidate on all but the test images, with its first seed.

    written: its own entry, with the settings that a search found. No validation images are left to say when to stop,
    so it trains for as many epochs as the weights that the candidate kept. Raises UserError where that is not known.
    """
    entry = copy.deepcopy(written)
    fit = entry["fit"]
    if "epochs" in fit:
        if entry.get("unfreeze") and (fit["keep"] == "best" or fit["early_stopping"]):
            raise UserError(
                f"{name} has two phases, and keeps the best epoch of each: without validation images their lengths are "
                "yours to set. Copy the entry with fit.on: train+val, keep: last, early_stopping: null"
            )
        fit["epochs"] = fit["epochs"] if entry.get("unfreeze") else kept_epoch(fit, history)
    ends = {"keep": "last", "early_stopping": None, "reduce_on_plateau": None}
    fit |= {key: value for key, value in ends.items() if key in fit}
    return {**entry, "fit": {**fit, "on": "train+val", "seeds": fit["seeds"][:1]}}


def kept_epoch(fit: dict[str, Any], history: pd.DataFrame) -> int:
    """The epoch, from 1, whose weights the training kept: its last, or the first of the best."""
    if fit["keep"] == "last":
        return len(history)
    monitor = fit["early_stopping"]["monitor"] if fit["early_stopping"] else "val_accuracy"
    values = history[monitor].to_numpy()
    place = values.argmin() if monitor == "val_loss" else values.argmax()
    return int(history["epoch"].iloc[int(place)])


def as_trained(name: str, written: dict[str, Any], params: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Return the entry as the candidate was trained: as written, with what a search found (dotted path -> value).

    params: what the candidate's record says. Raises UserError when params.yaml has changed since.
    """
    changed = [key for key, value in written.items() if params.get(key) != value]
    if changed:
        raise UserError(
            f"{name} was trained with another {' and '.join(changed)} than params.yaml says; run `dvc repro`"
        )
    return applied(written, found)
