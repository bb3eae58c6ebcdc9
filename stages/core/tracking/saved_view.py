"""The leaderboard as a saved view of MLflow's runs page: which columns it shows, in which order, and of which runs.

MLflow 3.17 keeps such a view in a tag of the experiment; its page lists them under "Views" and takes their name in the
address. Read in MLflow's own pages (the tag's form is no public interface): another version may pass it over.
"""

import json
from typing import Any
from urllib.parse import quote, urlencode

from stages.core.tracking.trails import COSTS

VIEW = "leaderboard"
TAG = f"mlflow.sharedViewState.{VIEW}"
KIND, TRAINING = "mlflow.experimentKind", "custom_model_development"  # else the page guesses, and opens for chats
STANDING = "imagetrail.standing"
ROLE, CANDIDATE, TRIAL = "imagetrail.role", "candidate", "trial"
NAME = "tags.`mlflow.runName`"
MEASURES = ("balanced_accuracy", "macro_f1", "log_loss", "ece")
PIXELS = 7.5  # of a letter of a column's head


def columns(measure: str) -> list[str]:
    """Columns in their order: who it is, what named the champion, test accuracy, the other measures, cost."""
    test = ["test_accuracy", *(f"test_{name}" for name in MEASURES)]
    metrics = [measure, *(name for name in test if name != measure), *COSTS]
    return [f"tags.`{STANDING}`", *(f"metrics.`{name}`" for name in metrics), "tags.`imagetrail.kind`"]


def state(measure: str, ascending: bool, manifest_sha256: str) -> dict[str, Any]:
    """The state of the page: candidates made from one manifest, the best first by a measure.

    Trials are left out: a table that is sorted by a measure has no rows below others.
    """
    shown = columns(measure)
    wanted = [f"tags.`{ROLE}` = '{CANDIDATE}'"]
    wanted += [f"tags.`imagetrail.manifest_sha256` = '{manifest_sha256}'"] if manifest_sha256 else []
    return {
        "searchFilter": " and ".join(wanted),
        "orderByKey": f"metrics.`{measure}`",
        "orderByAsc": ascending,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": shown,
        "columnOrder": [NAME, *shown],
        "columnWidths": {column: round(30 + PIXELS * len(column.split("`")[1])) for column in shown},
        "runsHiddenMode": "FIRST_20_RUNS",
        "hideEmptyCharts": True,
    }


def saved_view(found: dict[str, Any], time_ms: int) -> str:
    """The value of the tag. time_ms: when the page says that it was saved."""
    about = {"name": "Leaderboard", "createdAt": time_ms, "updatedAt": time_ms}
    return json.dumps({**about, "state": json.dumps(found, separators=(",", ":"))})


def trials_of(experiment_id: str, run_id: str, measure: str, ascending: bool) -> str:
    """The address of the trials of a search, the best first."""
    asked = {
        "searchFilter": f"tags.`mlflow.parentRunId` = '{run_id}'",
        "orderByKey": f"metrics.`{measure}`",
        "orderByAsc": str(ascending).lower(),
        "workflowType": "machine_learning",
    }
    return f"#/experiments/{experiment_id}/runs?{urlencode(asked, quote_via=quote)}"


def address(experiment_id: str) -> str:
    """The view's address below that of the server."""
    return f"#/experiments/{experiment_id}/runs?viewStateShareKey={VIEW}&workflowType=machine_learning"
