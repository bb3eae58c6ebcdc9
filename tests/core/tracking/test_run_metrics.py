"""Metrics of a run: few and rounded, and what the machine did while it trained, in a real store."""

import time
from types import SimpleNamespace

import pytest

from stages.core.tracking.runs import claim, find_or_create
from stages.core.tracking.saved_view import columns
from stages.core.tracking.system_metrics import start_monitor, stop_monitor
from stages.core.tracking.trails import LOGGED, final_metrics
from tests.core.tracking.test_presenting import PARAMS, Layout, connect


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A SQLite store of its own."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    return connect(Layout(tmp_path), PARAMS)


def test_a_run_has_the_numbers_that_runs_are_compared_by():
    """With six digits; intervals and details of the evaluation stay in metrics.json, each would be a chart of one dot."""
    metrics = {"test_accuracy": 0.123456789, "test_accuracy_low": 0.1, "val_mce": 0.5, "n_parameters": 464810.0}

    assert final_metrics(metrics) == {"test_accuracy": 0.123457, "n_parameters": 464810.0} and len(LOGGED) <= 15


def test_every_column_of_the_leaderboard_is_logged():
    """Whatever measure names the champion."""
    for measure in ("val_accuracy", "val_balanced_accuracy", "val_macro_f1", "val_log_loss"):
        metrics = [column.split("`")[1] for column in columns(measure) if column.startswith("metrics.")]

        assert set(metrics) <= set(LOGGED)


def test_a_run_shows_what_the_machine_did(store):
    """Sampled while it runs, and continued by a second life of the run after the first one's last step."""
    run_id = find_or_create(store, {"name": "one", "key": "one"}, None)
    for _ in range(2):
        claim(store, run_id)
        monitor = start_monitor(store, run_id, 1)
        time.sleep(2.5)
        stop_monitor(monitor, 20)
        monitor = None

    steps = [point.step for point in store.client.get_metric_history(run_id, "system/cpu_utilization_percentage")]
    assert steps == list(range(len(steps))) and len(steps) >= 2


def test_without_the_setting_nothing_is_sampled():
    """No thread is started."""
    assert start_monitor(SimpleNamespace(), "run", None) is None
