"""All that imagetrail says to MLflow. Files are the truth and MLflow mirrors them.

A store that can't be reached is a warning, never a failed run: `imagetrail sync` completes it later.
"""

import logging
import os
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock

from stages.core.candidates.candidate import RECORD, REFERENCE, Candidate
from stages.core.candidates.model_files import model_files
from stages.core.console import held_back, say, silence_telemetry
from stages.core.files import digest, read_json, records, write_json
from stages.core.images.manifest import read_manifest, rows_of
from stages.core.ingest.source import images_named
from stages.core.layout import Layout
from stages.core.settings.params import Params
from stages.core.tracking.packaging import LOADER, package, requirements
from stages.core.tracking.trails import (
    Trail,
    by_seed,
    curve,
    fingerprint,
    flattened,
    run_name,
    same_data,
    tags,
    timings,
    trails,
)

KEY, COMPLETE, MODEL_MD5 = "imagetrail.key", "imagetrail.complete", "dvc.model_md5"
ENDED = ("FINISHED", "FAILED")


@dataclass(frozen=True)
class Store:
    """A reachable tracking store and the experiment of the data set."""

    client: Any
    uri: str
    experiment_id: str


def tracking_uri(layout: Layout) -> str:
    """MLFLOW_TRACKING_URI, or mlflow.db in the main checkout; relative SQLite paths start there too."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    path = uri.removeprefix("sqlite:///")
    return f"sqlite:///{layout.main_checkout / path}" if path != uri and not path.startswith("/") else uri


def connect(layout: Layout, params: Params) -> Store:
    """Open the store and its experiment, making them where they are missing.

    Raises ConnectionError or MLflow's own errors when that can't be done within tracking.timeout_s.
    """
    silence_telemetry()
    uri, timeout = tracking_uri(layout), params.tree.tracking.timeout_s
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", str(timeout))
    if uri.startswith("http") and os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() != "true":
        probe(uri, timeout)
    import mlflow

    for noisy in ("alembic", "mlflow"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    mlflow.set_tracking_uri(uri)
    lock = layout.main_checkout / ".dvc/tmp/mlflow.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock, timeout=60):  # two processes that create one SQLite store at once: one dies
        client = mlflow.MlflowClient()
        return Store(client, uri, experiment(client, uri, layout, params))


def probe(uri: str, timeout: int) -> None:
    """Raise ConnectionError when nobody answers; MLflow's own retries take minutes."""
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=timeout):  # noqa: S310 - http(s) checked
            pass
    except urllib.error.HTTPError:
        return  # somebody answers, who may want MLflow's own credentials
    except (OSError, ValueError) as error:
        raise ConnectionError(f"no answer within {timeout} s: {error}") from error


def experiment(client: Any, uri: str, layout: Layout, params: Params) -> str:
    """Return the id of the experiment: the one MLflow's variables name, else that of the data set."""
    if given := os.environ.get("MLFLOW_EXPERIMENT_ID"):
        return given
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or params.dataset.name
    found = client.get_experiment_by_name(name)
    if found:
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)
    place = None if uri.startswith("http") else (layout.main_checkout / "mlruns" / name).as_uri()
    return str(client.create_experiment(name, artifact_location=place))


@contextmanager
def tolerated(what: str) -> Iterator[None]:
    """Turn any failure of the store into one warning: a training of hours must not die of it."""
    try:
        yield
    except Exception as error:  # MLflow, SQLAlchemy, requests and the OS all raise their own
        reason = " ".join(str(error).split())[:160]
        say(f"warning: MLflow: {what}: {type(error).__name__}: {reason}; `imagetrail sync` mirrors it later")


class Live:
    """A run that is logged while it happens; silent from the first failure of the store on.

    It begins with its first epoch: importing mlflow takes two seconds, which no training should wait for. As a
    context it ends the run as FAILED or KILLED when the block raises; what ends well is ended by `mirror`.
    """

    def __init__(self, layout: Layout, params: Params, record: dict[str, Any], parent: "Live | None" = None) -> None:
        self.layout, self.params, self.record, self.parent = layout, params, record, parent
        self.begun = False
        self.store: Store | None = None
        self.run_id: str | None = None
        self.known: set[int] = set()

    def begin(self) -> None:
        """Open the store, and the run in it; once."""
        if self.begun:
            return
        self.begun = True
        if self.parent:
            self.parent.begin()
        with tolerated("not reachable"):
            store = self.parent.store if self.parent else connect(self.layout, self.params)
            if store is None:
                return
            self.run_id = find_or_create(store, self.record, self.parent.run_id if self.parent else None)
            self.store, self.known = store, logged_epochs(store, self.run_id)
            store.client.update_run(self.run_id, status="RUNNING")
            log_params(store, self.run_id, self.record["params"])

    def epoch(self, number: int, row: dict[str, float]) -> None:
        """Log the metrics of an epoch, unless an earlier life of this run did."""
        self.begin()
        if self.store is None or number in self.known:
            return
        store, self.store = self.store, None
        with tolerated("lost during training"):
            log_metrics(store, str(self.run_id), curve(row), number)
            self.store = store

    def __enter__(self) -> "Live":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and self.store is not None:
            with tolerated("lost at the end"):
                self.store.client.set_terminated(self.run_id, "FAILED" if issubclass(kind, Exception) else "KILLED")


def find_or_create(store: Store, record: dict[str, Any], parent_run: str | None) -> str:
    """Return the id of the run with this record's key; make it where there is none."""
    found = find(store, record["key"])
    if found:
        return str(found.info.run_id)
    marks = {KEY: record["key"], "mlflow.runName": run_name(record["name"])}
    if parent_run:
        marks["mlflow.parentRunId"] = parent_run
    return str(store.client.create_run(store.experiment_id, tags=marks).info.run_id)


def find(store: Store, key: str) -> Any:
    """Return the run with a key, or None."""
    runs = store.client.search_runs([store.experiment_id], f"tags.`{KEY}` = '{key}'", max_results=1)
    return runs[0] if runs else None


def mirror(layout: Layout, params: Params, names: list[str]) -> int | None:
    """Complete the runs of candidates and their trials from files; idempotent.

    Returns how many were touched, None when the store failed.
    """
    with tolerated("not completed"):
        store = connect(layout, params)
        every = [found for name in names for found in trails(layout, name)]
        return sum([mirror_one(store, layout, params, found) for found in every])
    return None


def mirror_one(store: Store, layout: Layout, params: Params, trail: Trail) -> bool:
    """Complete one run, unless it has ended and its tag says that it holds just these files."""
    print_, run = fingerprint(trail), find(store, trail.key)
    if run and run.data.tags.get(MODEL_MD5, trail.model_md5) != trail.model_md5:
        store.client.set_tag(run.info.run_id, KEY, f"{trail.key}-superseded")  # without determinism: another model
        run = None
    if run and run.info.status in ENDED and run.data.tags.get(COMPLETE) == print_ and artifacts_exist(store, run):
        return False
    parent = find(store, trail.parent) if trail.parent else None
    run_id = find_or_create(store, trail.candidate.record, parent.info.run_id if parent else None)
    log_params(store, run_id, trail.candidate.record["params"])
    log_history(store, run_id, trail.candidate.history)
    log_results(store, run_id, layout, trail)
    log_origin(store, run_id, layout, params, trail)
    log_models(store, run_id, layout, params, trail)
    store.client.set_tag(run_id, COMPLETE, print_)
    if not run or run.info.status not in ENDED:  # ending it again would move its end, and with it its duration
        store.client.set_terminated(run_id, "FAILED" if trail.candidate.failure else "FINISHED")
    remember(layout, trail.key, run_id)
    return True


def artifacts_exist(store: Store, run: Any) -> bool:
    """Whether the run still has its artifacts: someone may have deleted mlruns/ alone."""
    return any(item.path == RECORD for item in store.client.list_artifacts(run.info.run_id))


def log_params(store: Store, run_id: str, params: dict[str, Any]) -> None:
    """Log what is not there yet."""
    from mlflow.entities import Param

    known = store.client.get_run(run_id).data.params
    new = [Param(key, str(value)[:6000]) for key, value in flattened(params).items() if key not in known]
    for at in range(0, len(new), 100):
        store.client.log_batch(run_id, params=new[at : at + 100])


def log_metrics(store: Store, run_id: str, values: dict[str, float], step: int = 0) -> None:
    """Log numbers at a step."""
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    metrics = [Metric(key, value, now, step) for key, value in values.items()]
    for at in range(0, len(metrics), 500):
        store.client.log_batch(run_id, metrics=metrics[at : at + 500])


def logged_epochs(store: Store, run_id: str) -> set[int]:
    """Epochs whose metrics the run has."""
    return {metric.step for metric in store.client.get_metric_history(run_id, "curve/loss")}


def log_history(store: Store, run_id: str, history: pd.DataFrame) -> None:
    """Log the epochs that are missing."""
    known = logged_epochs(store, run_id)
    for row in records(history):
        if int(row["epoch"]) not in known:
            log_metrics(store, run_id, curve(row), int(row["epoch"]))


def log_results(store: Store, run_id: str, layout: Layout, trail: Trail) -> None:
    """Log the final metrics, the timing, and all tables and pictures."""
    client, known = store.client, store.client.get_run(run_id).data.metrics
    values = {**timings(layout, trail), **trail.metrics}
    log_metrics(store, run_id, {key: value for key, value in values.items() if known.get(key) != value})
    if "seed/val_accuracy" not in known and "seed/test_accuracy" not in known:
        for seed, measured in by_seed(layout, trail).items():
            log_metrics(store, run_id, measured, seed)
    if trail.evaluation:
        client.log_artifacts(run_id, str(trail.evaluation), "evaluation")
    for path in (trail.candidate.folder / name for name in ("history.csv", REFERENCE, RECORD)):
        if path.exists():
            client.log_artifact(run_id, str(path))


def log_origin(store: Store, run_id: str, layout: Layout, params: Params, trail: Trail) -> None:
    """Log what made the run: its tags, and the data set as its input."""
    for key, value in tags(layout, params, trail).items():
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


def log_models(store: Store, run_id: str, layout: Layout, params: Params, trail: Trail) -> None:
    """Package the model for raw images and, for a candidate, for image files; once a run."""
    if not model_files(trail.candidate.folder):
        return
    import mlflow

    outputs = store.client.get_run(run_id).outputs
    known = {store.client.get_logged_model(m.model_id).name for m in (outputs.model_outputs if outputs else [])}
    forms = {"model": raw_form} | ({} if trail.parent else {"model_from_files": file_form})
    with tempfile.TemporaryDirectory() as folder:
        package(Path(folder), trail.candidate, params.tree.normalize)
        for name in forms.keys() - known:
            signature, example = forms[name](layout, trail.candidate)
            with held_back(), mlflow.start_run(run_id=run_id):  # it loads the model and answers the example
                mlflow.pyfunc.log_model(
                    name=name,
                    loader_module=LOADER,
                    data_path=f"{folder}/data",
                    code_paths=[f"{folder}/stages"],
                    signature=signature,
                    input_example=example,
                    pip_requirements=requirements(trail.candidate.folder),
                )


def raw_form(layout: Layout, candidate: Candidate) -> tuple[Any, Any]:
    """Signature and example of the model for uint8 [N, H, W, C]."""
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    images = np.load(layout.images / "val.npy", mmap_mode="r")[:2]
    inputs = Schema([TensorSpec(np.dtype("uint8"), (-1, *images.shape[1:]))])
    outputs = Schema([TensorSpec(np.dtype("float32"), (-1, len(candidate.record["classes"])))])
    return ModelSignature(inputs, outputs), np.asarray(images)


def file_form(layout: Layout, candidate: Candidate) -> tuple[Any, Any]:
    """Signature and example of the model for encoded image files."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    manifest = read_manifest(layout.manifest, ["path", "split"])
    path = rows_of(manifest, "val")["path"].iloc[0]
    example = pd.DataFrame({"image": [data for _, data in images_named(layout.archive, [path])]})
    columns = [ColSpec("string", "label"), ColSpec("double", "confidence")]
    columns += [ColSpec("double", name) for name in candidate.record["classes"]]
    return ModelSignature(Schema([ColSpec("binary", "image")]), Schema(columns)), example


def remember(layout: Layout, key: str, run_id: str) -> None:
    """Note the run's id beside what else does not repeat."""
    path = layout.run_record(key)
    known = read_json(path) if path.exists() else {}
    write_json(path, {**known, "mlflow_run_id": run_id})
