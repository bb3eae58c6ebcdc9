"""What the report page shows of each candidate: where it fails, how sure it is, its curves and seeds."""

from typing import Any

import pandas as pd

from stages.core.candidates.candidate import HISTORY
from stages.core.evaluating.evaluation import SEED_TABLE
from stages.core.files import records
from stages.core.reporting.evaluated import Evaluated
from stages.core.reporting.report_curves import class_plots, training_plots
from stages.core.reporting.report_mistakes import mistakes, pictured
from stages.core.reporting.report_sureness import sureness, sureness_plots
from stages.core.reporting.standing import Standing


def described(standing: Standing, n_pictures: int) -> dict[str, Any]:
    """What the page shows of one candidate; of one that failed, only why."""
    shown = {"name": standing.name, "failure": standing.failure, "note": standing.note, "paths": []}
    if standing.failure:
        return shown
    history = pd.read_csv(standing.folder / HISTORY)
    return {
        **shown,
        **measured(Evaluated(standing), n_pictures),
        "metrics": standing.metrics,
        "training": [plot.drawn for plot in training_plots(history)],
        "balance": standing.record.get("balance"),
        "seeds": seeds(standing),
        "gaps": gaps(standing.metrics),
    }


def measured(evaluated: Evaluated, n_pictures: int) -> dict[str, Any]:
    """What its test images say of it, or its validation images; nothing where all were fitted."""
    if not evaluated.split:
        return {"split": ""}
    wrong = mistakes(evaluated, n_pictures)
    return {
        "split": evaluated.split,
        "images": evaluated.images,
        **wrong,
        "paths": pictured(wrong),
        "sureness": sureness(evaluated),
        "sureness_plots": [plot.drawn for plot in sureness_plots(evaluated)],
        "class_plots": [plot.drawn for plot in class_plots(evaluated)],
    }


def seeds(standing: Standing) -> list[dict[str, Any]]:
    """The measures of each training, where there were several."""
    if standing.metrics["n_seeds"] == 1:
        return []
    return records(pd.read_csv(standing.folder / SEED_TABLE))


def gaps(metrics: dict[str, float]) -> list[str]:
    """How much worse it is on images that it has not seen, in sentences."""
    said = []
    if "gap_train_val" in metrics:
        low, high = (100 * metrics[f"gap_train_val_{end}"] for end in ("low", "high"))
        said.append(
            f"Accuracy on train images, counted while it was trained, less that on validation images: "
            f"{100 * metrics['gap_train_val']:+.1f} points ({low:+.1f} to {high:+.1f})."
        )
    if "gap_val_test" in metrics:
        low, high = (100 * metrics[f"gap_val_test_{end}"] for end in ("low", "high"))
        said.append(
            f"Accuracy on validation images less that on test images: {100 * metrics['gap_val_test']:+.1f} points "
            f"({low:+.1f} to {high:+.1f}), {'within' if low <= 0 <= high else 'more than'} chance."
        )
    return said
