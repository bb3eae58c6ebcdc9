"""Reaching MLflow: the store's address, its experiment, and what happens when it can't be reached.

A store that can't be reached is a warning, never a failed run: `imagetrail sync` completes it later.
"""

import logging
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from filelock import FileLock

from stages.core.console import say, silence_telemetry
from stages.core.layout import Layout
from stages.core.settings.params import Params


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
