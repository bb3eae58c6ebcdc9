"""Exported files in MLflow: beside the run of their candidate, with parity and latency."""

from pathlib import Path
from typing import Any

from stages.core.layout import Layout
from stages.core.settings.params import Params
from stages.core.tracking.runs import files_in, find, log_files, log_metrics
from stages.core.tracking.silence import tolerated
from stages.core.tracking.store import connect, tracking_uri

PLACE = "export"  # folder of the run's artifacts, and beginning of its metrics


def log_export(layout: Layout, params: Params, key: str, folder: Path, entries: dict[str, Any]) -> None:
    """Add files, latency and parity to the run with a key; a store that fails costs a warning."""
    with tolerated(tracking_uri(layout), "the export was not logged", "the same command logs it later"):
        store = connect(layout, params)
        run = find(store, key)
        if run is None:
            return
        log_files(store, run.info.run_id, files_in(folder), folder, PLACE)
        numbers = {f"{PLACE}/{kind}_latency_ms": one["latency_ms"] for kind, one in entries.items()}
        gaps = {
            f"{PLACE}/{kind}_max_difference": one["parity"]["max_difference"]
            for kind, one in entries.items()
            if "parity" in one
        }
        log_metrics(store, run.info.run_id, numbers | gaps)
