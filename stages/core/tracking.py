"""All that imagetrail says to MLflow. Files are the truth and MLflow mirrors them.

A store that can't be reached is a warning, never a failed run: `imagetrail sync` completes it later.
"""

import logging
import os
import shutil
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock

from stages.core.candidate import MODEL, Candidate, read_candidate
from stages.core.console import held_back, say, silence_telemetry
from stages.core.errors import UserError
from stages.core.files import digest, read_json, records, text_digest, write_json, write_text
from stages.core.layout import Layout
from stages.core.lineage import whereabouts
from stages.core.params import TUNED, Params

KEY, COMPLETE = "imagetrail.key", "imagetrail.complete"
PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "pillow", "simplejpeg", "mlflow")


@dataclass(frozen=True)
class Store:
    """A reachable tracking store and the experiment of the data set."""

    client: Any
    uri: str
    experiment_id: str


@dataclass(frozen=True)
class Trail:
    """One thing to mirror: a candidate or a trial, its evaluation, and the key of the run it belongs under."""

    candidate: Candidate
    evaluation: Path
    parent: str | None

    @property
    def key(self) -> str:
        """The tag by which its run is found."""
        return str(self.candidate.record["key"])


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
    if uri.startswith("http"):
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
    """Raise ConnectionError when the server does not answer; MLflow's own retries take minutes."""
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=timeout):  # noqa: S310 - http(s) checked
            pass
    except (OSError, ValueError) as error:
        raise ConnectionError(f"no answer within {timeout} s: {error}") from error


def experiment(client: Any, uri: str, layout: Layout, params: Params) -> str:
    """Return the id of the experiment, named after the data set unless MLFLOW_EXPERIMENT_NAME says otherwise."""
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or params.dataset.name
    found = client.get_experiment_by_name(name)
    if found:
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)
    place = (layout.main_checkout / "mlruns" / name).as_uri() if uri.startswith("sqlite") else None
    return str(client.create_experiment(name, artifact_location=place))


@contextmanager
def tolerated(what: str) -> Iterator[None]:
    """Turn any failure of the store into one warning: training must not die of it."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # MLflow, SQLAlchemy, requests and the OS all raise their own
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        say(f"warning: MLflow: {what}: {reason}; the files are complete, `imagetrail sync` mirrors them later")


class Live:
    """A run that is logged while it happens; silent from the first failure of the store on."""

    def __init__(self, layout: Layout, params: Params, record: dict[str, Any], parent: "Live | None" = None) -> None:
        self.store: Store | None = None
        self.run_id: str | None = None
        self.known: set[int] = set()
        with tolerated("not reachable"):
            store = parent.store if parent else connect(layout, params)
            if store is None:
                return
            self.run_id = find_or_create(store, record, parent.run_id if parent else None)
            self.store = store
            self.known = {m.step for m in store.client.get_metric_history(self.run_id, "curve/loss")}
            store.client.update_run(self.run_id, status="RUNNING")
            log_params(store, self.run_id, record["params"])

    def epoch(self, number: int, row: dict[str, float]) -> None:
        """Log the metrics of an epoch, unless an earlier life of this run did."""
        if self.store is None or number in self.known:
            return
        store, self.store = self.store, None
        with tolerated("lost during training"):
            log_metrics(store, str(self.run_id), curve(row), number)
            self.store = store


def find_or_create(store: Store, record: dict[str, Any], parent_run: str | None) -> str:
    """Return the id of the run with this record's key; make it where there is none."""
    found = find(store, record["key"])
    if found:
        return str(found.info.run_id)
    tags = {KEY: record["key"], "mlflow.runName": run_name(record["name"])}
    if parent_run:
        tags["mlflow.parentRunId"] = parent_run
    return str(store.client.create_run(store.experiment_id, tags=tags).info.run_id)


def find(store: Store, key: str) -> Any:
    """Return the run with a key, or None."""
    runs = store.client.search_runs([store.experiment_id], f"tags.`{KEY}` = '{key}'", max_results=1)
    return runs[0] if runs else None


def run_name(name: str) -> str:
    """A candidate's name, with that of the DVC experiment it ran in."""
    experiment_name = os.environ.get("DVC_EXP_NAME")
    return f"{name} ({experiment_name})" if experiment_name else name


def flattened(tree: Any, prefix: str = "") -> dict[str, Any]:
    """{'fit': {'epochs': 3}} -> {'fit.epochs': 3}; list items by their place."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    flat: dict[str, Any] = {}
    for key, value in items:
        nested = isinstance(value, dict | list) and value and not all(isinstance(v, int | str) for v in value)
        flat |= flattened(value, f"{prefix}{key}.") if nested or isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


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


def curve(row: dict[str, float]) -> dict[str, float]:
    """Names of per-epoch metrics: a group of their own, apart from the final ones."""
    return {f"curve/{key}": float(value) for key, value in row.items() if key != "epoch"}


def trails(layout: Layout, name: str) -> list[Trail]:
    """Return a candidate and the trials behind it, as their files stand."""
    candidate = read_candidate(layout.candidate(name))
    folders = sorted((candidate.folder / "trials").glob("*/"))
    reports = layout.tuning(name.removesuffix(TUNED))
    parent = str(candidate.record["key"])
    trials = [Trail(read_candidate(folder), reports / folder.name, parent) for folder in folders]
    return [Trail(candidate, layout.evaluation(name), None), *trials]


def mirror(layout: Layout, params: Params, names: list[str]) -> int | None:
    """Complete the runs of candidates and their trials from files; idempotent.

    Returns how many were touched, None when the store failed.
    """
    with tolerated("not reachable"):
        store = connect(layout, params)
        every = [trail for name in names for trail in trails(layout, name)]
        return sum([mirror_one(store, layout, params, trail) for trail in every])
    return None


def mirror_one(store: Store, layout: Layout, params: Params, trail: Trail) -> bool:
    """Complete one run, unless its tag says that it holds just these files."""
    print_ = fingerprint(trail)
    found = find(store, trail.key)
    if found and found.data.tags.get(COMPLETE) == print_ and artifacts_exist(store, found):
        return False
    parent = find(store, trail.parent) if trail.parent else None
    run_id = find_or_create(store, trail.candidate.record, parent.info.run_id if parent else None)
    log_params(store, run_id, trail.candidate.record["params"])
    log_history(store, run_id, trail.candidate.history)
    log_results(store, run_id, layout, trail)
    log_tags(store, run_id, layout, params, trail)
    log_models(store, run_id, layout, params, trail)
    store.client.set_tag(run_id, COMPLETE, print_)
    store.client.set_terminated(run_id, "FAILED" if trail.candidate.failure else "FINISHED")
    remember(layout, trail.key, run_id)
    return True


def fingerprint(trail: Trail) -> str:
    """A hash that changes whenever the files behind a run do."""
    metrics = trail.evaluation / "metrics.json"
    parts = [digest(trail.candidate.folder / "candidate.json"), digest(metrics) if metrics.exists() else ""]
    return text_digest(" ".join(parts))[:16]


def artifacts_exist(store: Store, run: Any) -> bool:
    """Whether the run still has its artifacts: someone may have deleted mlruns/ alone."""
    return any(item.path == "candidate.json" for item in store.client.list_artifacts(run.info.run_id))


def log_history(store: Store, run_id: str, history: pd.DataFrame) -> None:
    """Log the epochs that are missing."""
    known = {metric.step for metric in store.client.get_metric_history(run_id, "curve/loss")}
    for row in records(history):
        if int(row["epoch"]) not in known:
            log_metrics(store, run_id, curve(row), int(row["epoch"]))


def log_results(store: Store, run_id: str, layout: Layout, trail: Trail) -> None:
    """Log the final metrics and all tables and pictures."""
    client, metrics = store.client, trail.evaluation / "metrics.json"
    if metrics.exists():
        known = client.get_run(run_id).data.metrics
        fresh = {key: value for key, value in read_json(metrics).items() if known.get(key) != value}
        log_metrics(store, run_id, fresh)
        client.log_artifacts(run_id, str(trail.evaluation), "evaluation")
    place = layout.run_record(trail.key)
    timing = read_json(place).get("timing", {}) if place.exists() else {}
    log_metrics(store, run_id, {key: value for key, value in timing.items() if isinstance(value, float)})
    for name in ("history.csv", "candidate.json"):
        if (trail.candidate.folder / name).exists():
            client.log_artifact(run_id, str(trail.candidate.folder / name))


def log_tags(store: Store, run_id: str, layout: Layout, params: Params, trail: Trail) -> None:
    """Log what made the run: data set with its full hash, verdict, commit, DVC hashes, experiment."""
    record, md5 = trail.candidate.record, digest(layout.manifest, "md5")
    outcome = read_json(layout.validation / "verdict.json")
    place, about = layout.run_record(trail.key), whereabouts(layout)
    about |= read_json(place) if place.exists() else {}
    tags = {
        "mlflow.source.name": f"python -m stages {record['stage']} {record['entry']}",
        "mlflow.source.git.commit": about["commit"],
        "imagetrail.candidate": record["name"],
        "imagetrail.kind": record["params"]["kind"],
        "imagetrail.verdict": outcome["verdict"],
        "imagetrail.warnings": "; ".join(f["message"] for f in outcome["findings"] if not f["passed"])[:4000],
        "imagetrail.dataset": params.dataset.name,
        "imagetrail.manifest_sha256": record["inputs"]["manifest_sha256"],
        "imagetrail.dirty": ", ".join(about["dirty_files"])[:4000] or "no",
        "dvc.manifest_md5": md5,
        "dvc.experiment": about["experiment"] or "",
        "mlflow.note.content": note(trail, params, outcome["verdict"]),
    }
    model = trail.candidate.folder / MODEL
    tags |= {"dvc.model_md5": digest(model, "md5")} if model.exists() else {}
    for key, value in tags.items():
        store.client.set_tag(run_id, key, value)
    if not store.client.get_run(run_id).inputs.dataset_inputs:
        log_data(store, run_id, layout, params, md5)


def log_data(store: Store, run_id: str, layout: Layout, params: Params, md5: str) -> None:
    """Log the data set as the run's input, with DVC's hash of the manifest and the full SHA-256."""
    import warnings

    from mlflow.data.dataset_source_registry import resolve_dataset_source
    from mlflow.data.meta_dataset import MetaDataset
    from mlflow.entities import DatasetInput, InputTag

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a path "can be interpreted in multiple ways", all of them the same
        source = resolve_dataset_source(str(layout.archive))
    dataset = MetaDataset(source, name=params.dataset.name, digest=md5)  # MLflow keeps 36 characters of it
    marks = {"mlflow.data.context": "training", "manifest_sha256": digest(layout.manifest)}
    tags = [InputTag(key, value) for key, value in marks.items()]
    store.client.log_inputs(run_id, [DatasetInput(dataset._to_mlflow_entity(), tags)])


def note(trail: Trail, params: Params, verdict: str) -> str:
    """The run's description, in Markdown."""
    record = trail.candidate.record
    lines = [f"**{record['name']}**: `{record['params']['kind']}` on `{params.dataset.name}` (data gate: {verdict})"]
    if trail.candidate.failure:
        lines.append(f"Failed: {trail.candidate.failure}")
    lines.append(f"Key `{record['key']}`; everything behind it stands in the artifact `candidate.json`.")
    return "\n\n".join(lines)


def log_models(store: Store, run_id: str, layout: Layout, params: Params, trail: Trail) -> None:
    """Package the model for raw images and, for a candidate, for image files; once a run."""
    if not (trail.candidate.folder / MODEL).exists():
        return
    import mlflow

    outputs = store.client.get_run(run_id).outputs
    known = {store.client.get_logged_model(m.model_id).name for m in (outputs.model_outputs if outputs else [])}
    wanted = {"model": raw_model} if trail.parent else {"model": raw_model, "model_from_files": file_model}
    with tempfile.TemporaryDirectory() as folder:
        package(Path(folder), trail.candidate, params)
        for name, described in wanted.items():
            if name in known:
                continue
            signature, example = described(layout, trail.candidate)
            with held_back(), mlflow.start_run(run_id=run_id):  # it loads the model and answers the example
                mlflow.pyfunc.log_model(
                    name=name,
                    loader_module="stages.core.served_model",
                    data_path=f"{folder}/data",
                    code_paths=[f"{folder}/stages"],
                    signature=signature,
                    input_example=example,
                    pip_requirements=[f"{package}=={version(package)}" for package in PACKAGES],
                )


def package(folder: Path, candidate: Candidate, params: Params) -> None:
    """Lay out the files of a packaged model: the model, what it needs to know, and the code that reads it."""
    (folder / "data").mkdir()
    shutil.copy(candidate.folder / MODEL, folder / "data")
    about = {"classes": candidate.record["classes"], "normalize": params.tree.normalize.model_dump()}
    write_json(folder / "data/about.json", about)
    (folder / "stages/core").mkdir(parents=True)
    for module in ("decoding.py", "served_model.py"):
        shutil.copy(Path(__file__).with_name(module), folder / "stages/core")
    for name in ("stages", "stages/core"):
        write_text(folder / name / "__init__.py", '"""Part of imagetrail, packaged with a model."""\n')


def raw_model(layout: Layout, candidate: Candidate) -> tuple[Any, Any]:
    """Signature and example of the model for uint8 [N, H, W, C]."""
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    images = np.load(layout.images / "val.npy", mmap_mode="r")[:2]
    inputs = Schema([TensorSpec(np.dtype("uint8"), (-1, *images.shape[1:]))])
    outputs = Schema([TensorSpec(np.dtype("float32"), (-1, len(candidate.record["classes"])))])
    return ModelSignature(inputs, outputs), np.asarray(images)


def file_model(layout: Layout, candidate: Candidate) -> tuple[Any, Any]:
    """Signature and example of the model for encoded image files."""
    import zipfile

    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    path = candidate.predictions["path"].iloc[0]
    with zipfile.ZipFile(layout.archive) as source:
        example = pd.DataFrame({"image": [source.read(path)]})
    columns = [ColSpec("string", "label"), ColSpec("double", "confidence")]
    columns += [ColSpec("double", name) for name in candidate.record["classes"]]
    return ModelSignature(Schema([ColSpec("binary", "image")]), Schema(columns)), example


def remember(layout: Layout, key: str, run_id: str) -> None:
    """Note the run's id beside what else does not repeat."""
    path = layout.run_record(key)
    known = read_json(path) if path.exists() else {}
    write_json(path, {**known, "mlflow_run_id": run_id})
