"""What becomes of runs whose process is told to end, in a real store."""

import pytest

from stages.core.layout import PROJECT, Layout
from stages.core.settings.params import load
from stages.core.stopping import Stopped
from stages.core.tracking.ending import killed_with_process
from stages.core.tracking.runs import find, find_or_create
from stages.core.tracking.store import connect

PARAMS = load(PROJECT / "params.yaml")


def test_a_search_is_killed_with_its_trials_and_with_nobody_else(tmp_path, monkeypatch):
    """Trials that ended wait for the search's mirror; a run of another key, and one that is finished, stay as they are."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    store = connect(Layout(tmp_path), PARAMS)
    for key in ("search", "search-01", "search-02", "other", "other-01"):
        find_or_create(store, {"name": key, "key": key}, None)
    store.client.set_terminated(find(store, "search-02").info.run_id, "FAILED")
    with pytest.raises(Stopped), killed_with_process(store, {"search"}):
        raise Stopped(15)

    found = {key: find(store, key).info.status for key in ("search", "search-01", "search-02", "other", "other-01")}
    assert found == {
        "search": "KILLED", "search-01": "KILLED", "search-02": "FAILED", "other": "RUNNING", "other-01": "RUNNING"
    }  # fmt: skip


def test_another_error_ends_no_run(tmp_path, monkeypatch):
    """A store that fails is tolerated: the work goes on, and so does its run."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    store = connect(Layout(tmp_path), PARAMS)
    find_or_create(store, {"name": "plain", "key": "plain"}, None)
    with pytest.raises(OSError, match="lost"), killed_with_process(store, {"plain"}):
        raise OSError("lost")

    assert find(store, "plain").info.status == "RUNNING"
