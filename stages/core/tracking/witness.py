"""What MLflow holds of a candidate, as plain values: read, never changed."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core.auditing.finding import Unknown
from stages.core.console import held_back
from stages.core.files import read_json
from stages.core.layout import Layout
from stages.core.plain_text import one_line
from stages.core.settings.params import Params
from stages.core.tracking.ledger_head import head_tag, heads_of
from stages.core.tracking.runs import KEY, find
from stages.core.tracking.store import Store, connect, tracking_uri

CURVE = "curve/"


@dataclass(frozen=True)
class Witness:
    """A run: its values, its curves (name -> epoch -> number), and folders with copies of its files.

    models: the packaged models by name. artifacts: None where they can't be read, and `why_not` says so.
    """

    run_id: str
    status: str
    params: dict[str, str]
    metrics: dict[str, float]
    tags: dict[str, str]
    curves: dict[str, dict[int, float]]
    digests: list[str]
    artifacts: Path | None
    models: dict[str, Path]
    why_not: str = ""


def opened_store(layout: Layout, params: Params) -> Store:
    """Reach the store that is there; none is made. Raises Unknown."""
    uri = tracking_uri(layout)
    path = uri.removeprefix("sqlite:///")
    if path != uri and not Path(path).exists():
        raise Unknown(f"there is no MLflow store on this machine ({uri})")
    with unreachable(uri):
        return connect(layout, params)


@contextmanager
def unreachable(uri: str) -> Iterator[None]:
    """Turn any failure of the store into Unknown: what can't be read says nothing."""
    try:
        yield
    except Unknown:
        raise
    except Exception as error:  # MLflow, SQLAlchemy, requests and the OS all raise their own
        reason = one_line(error)[:160]
        raise Unknown(f"MLflow at {uri} can't be read: {type(error).__name__}: {reason}") from error


def witness(layout: Layout, params: Params, key: str, folder: Path) -> Witness:
    """Read the run of a candidate; its files are copied into a folder. Raises Unknown."""
    store = opened_store(layout, params)
    with unreachable(store.uri):
        run = find(store, key)
        if run is None:
            raise Unknown(f"MLflow at {store.uri} has no run of it; `imagetrail sync` makes one")
        run_id = str(run.info.run_id)
        artifacts, why_not = fetched_files(store, run_id, folder / "artifacts")
        models = fetched_models(store, run, folder / "models") if artifacts else {}
        digests = [found.dataset.digest for found in run.inputs.dataset_inputs]
        data = run.data
        values = (dict(data.params), dict(data.metrics), dict(data.tags), curves(store, run))
        return Witness(run_id, run.info.status, *values, digests, artifacts, models, why_not)


def curves(store: Store, run: Any) -> dict[str, dict[int, float]]:
    """Numbers of every epoch, by metric."""
    names = [name for name in run.data.metrics if name.startswith(CURVE)]
    histories = {name: store.client.get_metric_history(run.info.run_id, name) for name in names}
    return {
        name.removeprefix(CURVE): {metric.step: metric.value for metric in history}
        for name, history in histories.items()
    }


def fetched_files(store: Store, run_id: str, folder: Path) -> tuple[Path | None, str]:
    """Copy a run's files into a folder; None, and why, where they can't be had."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with held_back():
            store.client.download_artifacts(run_id, "", str(folder))
    except Exception as error:  # a store that was moved, a server that does not serve files
        return None, one_line(error)[:160]
    return folder, ""


def fetched_models(store: Store, run: Any, folder: Path) -> dict[str, Path]:
    """Copy the packaged models of a run into a folder, by name; of several, the newest."""
    outputs = run.outputs.model_outputs if run.outputs else []
    models = [store.client.get_logged_model(output.model_id) for output in outputs]
    newest = {str(model.name): model for model in sorted(models, key=lambda model: model.creation_timestamp)}
    return {name: copied(store, str(model.artifact_location), folder / name) for name, model in newest.items()}


def ledger_ends(layout: Layout, params: Params) -> tuple[str, dict[str, str]]:
    """The tag under which this checkout notes the ledger's end, and all noted ends. Raises Unknown."""
    store = opened_store(layout, params)
    with unreachable(store.uri):
        return head_tag(layout, store.uri), heads_of(store)


def key_of_run(layout: Layout, params: Params, run_id: str) -> str:
    """The key of the candidate that a run is of; empty where it is of none. Raises Unknown."""
    store = opened_store(layout, params)
    with unreachable(store.uri):
        return str(store.client.get_run(run_id).data.tags.get(KEY, ""))


def model_of_uri(layout: Layout, params: Params, uri: str, folder: Path) -> tuple[str, Path]:
    """Key of the candidate behind models:/..., and a copy of that packaged model. Raises Unknown."""
    store = opened_store(layout, params)
    with unreachable(store.uri):
        folder.mkdir(parents=True, exist_ok=True)
        run_id, place = whereabouts(store, uri.removeprefix("models:/"))
        found = copied(store, place, Path(tempfile.mkdtemp(dir=folder)))
        return str(store.client.get_run(run_id).data.tags.get(KEY, "")), found


def whereabouts(store: Store, name: str) -> tuple[str, str]:
    """Run and place of a model by ID, NAME@ALIAS or NAME/VERSION."""
    if "@" in name or "/" in name:
        ask = store.client.get_model_version_by_alias if "@" in name else store.client.get_model_version
        version = ask(*name.rsplit("@" if "@" in name else "/", 1))
        if not version.source.startswith("models:/"):
            return str(version.run_id), str(version.source)
        name = version.source.removeprefix("models:/")
    model = store.client.get_logged_model(name)
    return str(model.source_run_id), str(model.artifact_location)


def copied(store: Store, place: str, folder: Path) -> Path:
    """Copy what lies at a store's place into a folder."""
    from mlflow.artifacts import download_artifacts

    folder.mkdir(parents=True, exist_ok=True)
    with held_back():
        return Path(download_artifacts(artifact_uri=place, dst_path=str(folder), tracking_uri=store.uri))


def run_of_model(layout: Layout, params: Params, uri: str) -> str:
    """Id of the run that models:/NAME@ALIAS, models:/NAME/VERSION or models:/ID came from. Raises Unknown."""
    store = opened_store(layout, params)
    with unreachable(store.uri):
        return whereabouts(store, uri.removeprefix("models:/"))[0]


def evaluation_of_run(layout: Layout, params: Params, run_id: str, folder: Path) -> dict[str, float]:
    """Copy the evaluation that a run holds into a folder; returns its numbers and those of the run. Raises Unknown."""
    store = opened_store(layout, params)
    with unreachable(store.uri):
        run = store.client.get_run(run_id)
        copied(store, f"{run.info.artifact_uri}/evaluation", folder)
        path = folder / "evaluation" / "metrics.json"
        return dict(run.data.metrics) | (read_json(path) if path.exists() else {})
