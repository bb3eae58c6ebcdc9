"""Completing runs from files: they are the truth, and MLflow mirrors them."""

import os
import sqlite3
from typing import Any

from stages.core.candidates.candidate import RECORD, REFERENCE
from stages.core.console import progress
from stages.core.files import digest, read_json, write_json
from stages.core.layout import Layout
from stages.core.settings.params import Params
from stages.core.tracking.creation import sqlite_path
from stages.core.tracking.ending import killed_with_process
from stages.core.tracking.ledger_head import log_ledger_head
from stages.core.tracking.model_logging import log_models
from stages.core.tracking.presenting import present
from stages.core.tracking.reading import Missing, read_store
from stages.core.tracking.relocation import belongs_to, foreign_root
from stages.core.tracking.runs import (
    ENDED,
    KEY,
    files_in,
    find,
    find_or_create,
    log_files,
    log_history,
    log_metrics,
    log_params,
    log_seeds,
)
from stages.core.tracking.silence import allowed, tolerated
from stages.core.tracking.store import Store, connect, experiment_name, tracking_uri
from stages.core.tracking.tables import log_tables
from stages.core.tracking.times import epoch_times_ms, span_ms
from stages.core.tracking.trails import Trail, by_seed, final_metrics, fingerprint, same_data, tags, timings, trails

COMPLETE, MODEL_MD5 = "imagetrail.complete", "dvc.model_md5"


def mirror(layout: Layout, params: Params, names: list[str]) -> int | None:
    """Complete the runs of candidates and their trials from files; idempotent.

    Returns how many were touched, None when the store failed. What SIGTERM leaves incomplete is KILLED until the next.
    """
    with tolerated(tracking_uri(layout), "not completed"):
        allowed(tracking_uri(layout))
        every = [found for name in names for found in trails(layout, name)]
        if is_complete(layout, params, every):
            return 0
        store = connect(layout, params)
        with killed_with_process(store, {found.key for found in every}):
            shown = progress(every, len(every), "MLflow", "runs")
            n_touched = sum([mirror_one(store, layout, params, found) for found in shown])
            log_ledger_head(store, layout)
            present(store, layout, params, every or candidates(layout, params))
        return n_touched
    return None


def is_complete(layout: Layout, params: Params, every: list[Trail]) -> bool:
    """Whether the store holds all of these runs, the ledger's end and its pages' texts: seen without MLflow.

    Only of a SQLite file, and where no variable of MLflow's names the experiment by id.
    """
    uri = tracking_uri(layout)
    path = sqlite_path(uri)
    if path is None or "MLFLOW_EXPERIMENT_ID" in os.environ:
        return False
    try:
        if belongs_to(path, layout.main_checkout) and foreign_root(path, layout.main_checkout / "mlruns"):
            return False  # moved or copied: its artifacts must follow first
        with read_store(path, experiment_name(params)) as (reader, experiment_id):
            store = Store(reader, uri, experiment_id)
            n_missing = sum(mirror_one(store, layout, params, found) for found in every)
            present(store, layout, params, every or candidates(layout, params))
            log_ledger_head(store, layout)
            return n_missing == 0
    except (Missing, sqlite3.Error, OSError):
        return False


def mirror_present(layout: Layout, params: Params) -> int | None:
    """Complete the runs of every candidate named in params.yaml whose files are here, as `mirror` does."""
    return mirror(layout, params, [name for name in params.candidates if (layout.candidate(name) / RECORD).exists()])


def candidates(layout: Layout, params: Params) -> list[Trail]:
    """Every candidate that is here, without its trials."""
    here = [name for name in params.candidates if (layout.candidate(name) / RECORD).exists()]
    return [trails(layout, name)[0] for name in here]


def mirror_one(store: Store, layout: Layout, params: Params, trail: Trail) -> bool:
    """Complete one run, unless it has ended and its tag says that it holds just these files.

    What is there already is left alone and the tag comes last, so one that was cut short is completed by the next.
    """
    print_, run = fingerprint(trail), find(store, trail.key)
    if run and run.data.tags.get(MODEL_MD5, trail.model_md5) != trail.model_md5:
        store.client.set_tag(run.info.run_id, KEY, f"{trail.key}-superseded")  # without determinism: another model
        run = None
    if run and run.info.status in ENDED and run.data.tags.get(COMPLETE) == print_ and artifacts_exist(store, run):
        return False
    parent, (began, ended) = find(store, trail.parent) if trail.parent else None, span_ms(layout, trail)
    run_id = find_or_create(store, trail.candidate.record, parent.info.run_id if parent else None, began)
    log_params(store, run_id, trail.candidate.record["params"])
    log_history(store, run_id, trail.candidate.history, epoch_times_ms(layout, trail))
    log_results(store, run_id, layout, trail)
    log_origin(store, run_id, layout, params, trail)
    log_models(store, run_id, layout, trail)
    store.client.set_tag(run_id, COMPLETE, print_)
    status = "FAILED" if trail.candidate.failure else "FINISHED"
    if not run or run.info.status != status:  # ending it again would move its end, and with it its duration
        store.client.set_terminated(run_id, status, ended)
    remember(layout, trail.key, run_id)
    return True


def artifacts_exist(store: Store, run: Any) -> bool:
    """Whether the run still has its artifacts: someone may have deleted mlruns/ alone."""
    return any(item.path == RECORD for item in store.client.list_artifacts(run.info.run_id))


def log_results(store: Store, run_id: str, layout: Layout, trail: Trail) -> None:
    """Log the final metrics, the timing, and all tables and pictures."""
    known = store.client.get_run(run_id).data.metrics
    values = final_metrics({**timings(layout, trail), **trail.metrics})
    log_metrics(store, run_id, {key: value for key, value in values.items() if known.get(key) != value})
    log_seeds(store, run_id, by_seed(layout, trail))
    if trail.evaluation:
        log_files(store, run_id, files_in(trail.evaluation), trail.evaluation, "evaluation")
        log_tables(store, run_id, trail.evaluation)
    folder = trail.candidate.folder
    own = [folder / name for name in ("history.csv", REFERENCE, RECORD)]
    log_files(store, run_id, [path for path in own if path.exists()], folder)


def log_origin(store: Store, run_id: str, layout: Layout, params: Params, trail: Trail) -> None:
    """Log what made the run: its tags, and the data set as its input."""
    known = store.client.get_run(run_id).data.tags
    for key, value in tags(layout, params, trail).items():
        if value or key in known:  # an empty one only takes back what stood there
            store.client.set_tag(run_id, key, value)
    if same_data(layout, trail) and not store.client.get_run(run_id).inputs.dataset_inputs:
        log_data(store, run_id, layout, params)


def log_data(store: Store, run_id: str, layout: Layout, params: Params) -> None:
    """Log the data set as the run's input, with DVC's hash of the manifest and the full SHA-256."""
    import warnings

    from mlflow.data.dataset_source_registry import resolve_dataset_source
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.entities import DatasetInput, InputTag

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a path "can be interpreted in multiple ways", all of them the same
        source = resolve_dataset_source(str(layout.archive))
    md5 = digest(layout.manifest, "md5")  # MLflow keeps 36 characters of a digest: DVC's fits, SHA-256 doesn't
    dataset = MetaDataset(source, name=params.dataset.name, digest=md5)
    marks = {"mlflow.data.context": "training", "manifest_sha256": digest(layout.manifest)}
    inputs = [InputTag(key, value) for key, value in marks.items()]
    store.client.log_inputs(run_id, [DatasetInput(dataset._to_mlflow_entity(), inputs)])


def remember(layout: Layout, key: str, run_id: str) -> None:
    """Note the run's id beside what else does not repeat."""
    path = layout.run_record(key)
    known = read_json(path) if path.exists() else {}
    write_json(path, {**known, "mlflow_run_id": run_id})
