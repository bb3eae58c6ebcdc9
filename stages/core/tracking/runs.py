"""What a run holds: found by its key, with params, metrics and epochs that are logged once."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from stages.core.files import records
from stages.core.tracking.owner import PROCESS, this_process
from stages.core.tracking.store import Store
from stages.core.tracking.trails import curve, flattened, run_name

KEY = "imagetrail.key"
ENDED = ("FINISHED", "FAILED")


def find_or_create(store: Store, record: dict[str, Any], parent_run: str | None, began_ms: int | None = None) -> str:
    """Return the id of the run with this record's key; make it where there is none.

    began_ms: when the run began, where that is not now.
    """
    found = find(store, record["key"])
    if found:
        return str(found.info.run_id)
    marks = {KEY: record["key"], "mlflow.runName": run_name(record["name"])}
    if parent_run:
        marks["mlflow.parentRunId"] = parent_run
    return str(store.client.create_run(store.experiment_id, start_time=began_ms, tags=marks).info.run_id)


def find(store: Store, key: str) -> Any:
    """Return the run with a key, or None."""
    runs = store.client.search_runs([store.experiment_id], f"tags.`{KEY}` = '{key}'", max_results=1)
    return runs[0] if runs else None


def claim(store: Store, run_id: str) -> None:
    """Mark a run as running in this process: by that `imagetrail doctor` knows whether it still does."""
    store.client.set_tag(run_id, PROCESS, this_process())
    store.client.update_run(run_id, status="RUNNING")


def log_params(store: Store, run_id: str, params: dict[str, Any]) -> None:
    """Log what is not there yet."""
    from mlflow.entities import Param

    known = store.client.get_run(run_id).data.params
    new = [Param(key, str(value)[:6000]) for key, value in flattened(params).items() if key not in known]
    for at in range(0, len(new), 100):
        store.client.log_batch(run_id, params=new[at : at + 100])


def log_metrics(store: Store, run_id: str, values: dict[str, float], step: int = 0, time_ms: int | None = None) -> None:
    """Log numbers at a step. time_ms: since 1970; left out: now."""
    from mlflow.entities import Metric

    at_ms = int(time.time() * 1000) if time_ms is None else time_ms
    metrics = [Metric(key, value, at_ms, step) for key, value in values.items()]
    for at in range(0, len(metrics), 500):
        store.client.log_batch(run_id, metrics=metrics[at : at + 500])


def logged_steps(store: Store, run_id: str, name: str) -> set[int]:
    """Steps at which the run has a metric."""
    return {metric.step for metric in store.client.get_metric_history(run_id, name)}


def logged_epochs(store: Store, run_id: str) -> set[int]:
    """Epochs whose metrics the run has."""
    return logged_steps(store, run_id, "curve/loss")


def log_history(store: Store, run_id: str, history: pd.DataFrame, times_ms: dict[int, int]) -> None:
    """Log the epochs that are missing, each at the time when it ended as far as that is known."""
    known = logged_epochs(store, run_id)
    for row in records(history):
        epoch = int(row["epoch"])
        if epoch not in known:
            log_metrics(store, run_id, curve(row), epoch, times_ms.get(epoch))


def log_seeds(store: Store, run_id: str, measured: dict[int, dict[str, float]]) -> None:
    """Log what each seed gave, with the seed as step, where it is missing."""
    if not measured:
        return
    known = logged_steps(store, run_id, next(iter(next(iter(measured.values())))))
    for seed, values in measured.items():
        if seed not in known:
            log_metrics(store, run_id, values, seed)


def log_files(store: Store, run_id: str, paths: Iterable[Path], base: Path, place: str = "") -> None:
    """Upload files one by one, below `place` as they lie below `base`: each call must be answered in time."""
    for path in paths:
        below = (Path(place) / path.relative_to(base)).parent.as_posix()
        store.client.log_artifact(run_id, str(path), None if below == "." else below)


def files_in(folder: Path) -> list[Path]:
    """Every file in a folder and below, in order."""
    return sorted(path for path in folder.rglob("*") if path.is_file())
