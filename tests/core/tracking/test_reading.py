"""A SQLite store read without MLflow: the same answers as MLflow's client gives, and no writing."""

import subprocess
import sys
from dataclasses import replace

import pytest

from stages.core.layout import PROJECT, Layout
from stages.core.settings.params import load
from stages.core.tracking.reading import Missing, read_store
from stages.core.tracking.runs import KEY, find, find_or_create
from stages.core.tracking.store import connect

WRITTEN = load(PROJECT / "params.yaml")
PATIENT = WRITTEN.tree.tracking.model_copy(update={"timeout_s": 60})
PARAMS = replace(WRITTEN, tree=WRITTEN.tree.model_copy(update={"tracking": PATIENT}))


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store in the checkout, with two finished runs, one of them deleted, and a tag of the experiment."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    made = connect(Layout(tmp_path), PARAMS)
    for name in ("kept", "deleted"):
        run_id = find_or_create(made, {"name": name, "key": name}, None)
        made.client.log_dict(run_id, {"a": 1}, "candidate.json")
        made.client.log_dict(run_id, {"a": 1}, "report/page.json")
        made.client.set_terminated(run_id, "FINISHED")
    made.client.delete_run(run_id)
    made.client.set_experiment_tag(made.experiment_id, "of", "all")
    return made


def test_it_answers_as_mlflow_does(store, tmp_path):
    """Experiment, run by its key, and artifacts."""
    with read_store(tmp_path / "mlflow.db", WRITTEN.dataset.name) as (reader, experiment_id):
        theirs, ours = find(store, "kept"), find(replace(store, client=reader), "kept")
        assert experiment_id == store.experiment_id
        assert (ours.info.run_id, ours.info.status) == (theirs.info.run_id, theirs.info.status)
        assert ours.data.tags == theirs.data.tags and ours.data.tags[KEY] == "kept"
        assert find(replace(store, client=reader), "deleted") is None
        about = reader.get_experiment(experiment_id)
        expected = store.client.get_experiment(experiment_id)
        assert (about.tags, about.creation_time) == (expected.tags, expected.creation_time)
        for path in (None, "report"):
            names = [item.path for item in store.client.list_artifacts(ours.info.run_id, path)]
            assert [item.path for item in reader.list_artifacts(ours.info.run_id, path or "")] == names


def test_it_writes_nothing(store, tmp_path):
    """What would change the store, or asks what it does not know, raises Missing."""
    with read_store(tmp_path / "mlflow.db", WRITTEN.dataset.name) as (reader, _):
        for ask in (
            lambda: reader.set_tag("run", "key", "value"),
            lambda: reader.search_runs(["1"], "attributes.status = 'RUNNING'"),
        ):
            with pytest.raises(Missing):
                ask()


@pytest.mark.parametrize("name", ["no-such.db", "mlflow.db"])
def test_a_store_without_the_experiment_is_not_complete(store, tmp_path, name):
    """No file, or no experiment in it."""
    with pytest.raises(Missing), read_store(tmp_path / name, "another data set"):
        pass


@pytest.mark.slow
def test_sync_with_nothing_missing_imports_neither_mlflow_nor_tensorflow(finished):
    """It reads files and the store itself."""
    finished.command("sync")
    code = (
        "import sys; from stages.commands.__main__ import entry; assert entry(['sync']) == 0;"
        "print(sorted({'mlflow', 'tensorflow', 'keras'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=finished.root, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]" and "sync: 0 runs completed" in done.stderr
