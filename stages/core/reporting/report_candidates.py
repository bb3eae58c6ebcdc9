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

WHILE_TRAINING = (
    "Train images were counted while the kept epoch trained the network, with whatever dropout and altered images it "
    "has. The finished network is as a rule better on them, so the gap is larger than this number; one below 0 is no "
    "proof against overfitting."
)


def described(standing: Standing, n_pictures: int, confidence: float) -> dict[str, Any]:
    """What the page shows of one candidate; of one that failed, only why."""
    shown = {"name": standing.name, "failure": standing.failure, "note": standing.note, "paths": []}
    if standing.failure:
        return shown
    history = pd.read_csv(standing.folder / HISTORY)
    return {
        **shown,
        **measured(Evaluated(standing), n_pictures, confidence),
        "metrics": standing.metrics,
        "training": [plot.drawn for plot in training_plots(history)],
        "balance": standing.record.get("balance"),
        "seeds": seeds(standing),
        "gaps": gaps(standing),
    }


def measured(evaluated: Evaluated, n_pictures: int, confidence: float) -> dict[str, Any]:
    """What its test images say of it, or its validation images; nothing where all were fitted."""
    if not evaluated.split:
        return {"split": ""}
    wrong = mistakes(evaluated, n_pictures, confidence)
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


def gaps(standing: Standing) -> list[str]:
    """How much worse it is on images that it has not seen, in sentences."""
    metrics, said = standing.metrics, []
    if "gap_train_val" in metrics:
        low, high = (100 * metrics[f"gap_train_val_{end}"] for end in ("low", "high"))
        said.append(
            f"Accuracy on train images less that on validation images: {100 * metrics['gap_train_val']:+.1f} points "
            f"({low:+.1f} to {high:+.1f})."
        )
        said += [WHILE_TRAINING] * ("epochs" in (standing.record["params"].get("fit") or {}))
    if "gap_val_test" in metrics:
        low, high = (100 * metrics[f"gap_val_test_{end}"] for end in ("low", "high"))
        said.append(
            f"Accuracy on validation images less that on test images: {100 * metrics['gap_val_test']:+.1f} points "
            f"({low:+.1f} to {high:+.1f}), {'within' if low <= 0 <= high else 'more than'} chance."
        )
    return said
