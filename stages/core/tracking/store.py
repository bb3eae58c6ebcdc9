"""Reaching MLflow: the store's address, and the experiment of the data set in it."""

import logging
import os
import urllib.error
import urllib.request
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from stages.core.console import say, silence_telemetry
from stages.core.layout import Layout
from stages.core.settings.params import Params
from stages.core.tracking.creation import SQLITE, make_sqlite, sqlite_path
from stages.core.tracking.relocation import belongs_to, relocate
from stages.core.tracking.secrets import scrubbed, without_user
from stages.core.tracking.silence import allowed
from stages.core.tracking.waiting import Bounded, within

QUIET = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",  # of 7, for four minutes; and a repeated "make a run" makes two
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # that address holds user and password
}


@dataclass(frozen=True)
class Store:
    """A reachable tracking store and the experiment of the data set; every call of its client ends in time."""

    client: Any
    uri: str
    experiment_id: str


def tracking_uri(layout: Layout) -> str:
    """MLFLOW_TRACKING_URI, or mlflow.db in the main checkout; relative SQLite paths start there too."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}mlflow.db"
    path = uri.removeprefix(SQLITE)
    return f"{SQLITE}{layout.main_checkout / path}" if path != uri and not path.startswith("/") else uri


def shown_uri(layout: Layout) -> str:
    """The address as it may be said: without user, password and token."""
    return scrubbed(tracking_uri(layout))


def connect(layout: Layout, params: Params) -> Store:
    """Open the store and its experiment, making them where they are missing.

    Raises StoreSilent where the store was given up before, NoAnswer, ConnectionError or MLflow's own errors.
    """
    uri, limit_s = tracking_uri(layout), params.tree.tracking.timeout_s
    allowed(uri)
    if uri.startswith("http") and os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() != "true":
        within(limit_s, partial(probe, uri, limit_s))
    quieted(limit_s)
    if path := sqlite_path(uri):
        make_sqlite(path, layout.main_checkout / "mlruns", limit_s)
        within(limit_s, partial(follow_project, path, layout.main_checkout))
    client = client_of(uri, limit_s)
    return Store(client, uri, experiment(client, uri, layout, params))


def follow_project(path: Path, project: Path) -> str:
    """Let the artifacts of the project's own store lie in it, also after a move or a copy. Says what it did."""
    old = relocate(path, project / "mlruns") if belongs_to(path, project) else None
    if old is None:
        return f"the artifacts of {path.name} are in their place"
    told = f"{path.name} was made in another folder: its artifacts are now in {project / 'mlruns'}, no longer in {old}"
    say(f"MLflow: {told}")
    return told


def quieted(limit_s: float) -> None:
    """Keep MLflow from telling anybody what it does, from trying again, and from tracebacks of what we tolerate."""
    silence_telemetry()
    for name, value in {**QUIET, "MLFLOW_HTTP_REQUEST_TIMEOUT": str(limit_s)}.items():
        os.environ.setdefault(name, value)
    import mlflow  # noqa: F401 - sets the level of its own messages when it is imported

    for noisy in ("alembic", "mlflow"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)  # a failed call is told in one line, by us


def client_of(uri: str, limit_s: float) -> Bounded:
    """MLflow's client of a store, each call of which ends in time."""
    import mlflow

    return Bounded(within(limit_s, partial(mlflow.MlflowClient, uri)), limit_s, partial(allowed, uri))


def probe(uri: str, timeout: float) -> None:
    """Raise ConnectionError when nobody answers: MLflow is imported only for somebody who does."""
    place = without_user(uri).rstrip("/")
    try:
        with urllib.request.urlopen(f"{place}/health", timeout=timeout):  # noqa: S310 - http(s) checked
            pass
    except urllib.error.HTTPError:
        return  # somebody answers, who may want MLflow's own credentials
    except (OSError, ValueError) as error:
        raise ConnectionError(f"no answer from {place}: {error}") from error


def experiment(client: Any, uri: str, layout: Layout, params: Params) -> str:
    """Return the id of the experiment: the one MLflow's variables name, else that of the data set."""
    if given := os.environ.get("MLFLOW_EXPERIMENT_ID"):
        return given
    name = experiment_name(params)
    found = client.get_experiment_by_name(name)
    if found:
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)
    return new_experiment(client, name, None if uri.startswith("http") else layout.main_checkout / "mlruns" / name)


def experiment_name(params: Params) -> str:
    """The name that MLflow's variable gives, else that of the data set."""
    return os.environ.get("MLFLOW_EXPERIMENT_NAME") or params.dataset.name


def new_experiment(client: Any, name: str, place: Path | None) -> str:
    """Make an experiment, or return the id of the one that another process has just made."""
    from mlflow.exceptions import MlflowException

    try:
        return str(client.create_experiment(name, artifact_location=place.as_uri() if place else None))
    except MlflowException:
        found = client.get_experiment_by_name(name)
        if not found:
            raise
        return str(found.experiment_id)
