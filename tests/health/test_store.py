"""The doctor finds what is wrong with a real MLflow store, and mends it without losing anything."""

import signal
import sqlite3
import subprocess
import sys

import pytest

from stages.core.doctor.examining import examine, repaired
from stages.core.doctor.findings import Patient
from stages.core.layout import Layout
from stages.core.tracking.condition import condition, revisions

pytestmark = pytest.mark.slow

KILLED_MAKING = """
import os, signal, sys
from sqlalchemy import Engine, event

def counted(*_, left=[int(sys.argv[3])]):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(Engine, "before_cursor_execute", counted)
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
SqlAlchemyStore(f"sqlite:///{sys.argv[1]}", sys.argv[2])
"""
OLDER = """
import sys
from alembic import command
from mlflow.store.db.utils import _get_alembic_config, create_sqlalchemy_engine
from mlflow.store.tracking.dbmodels.initial_models import Base
uri = f"sqlite:///{sys.argv[1]}"
engine = create_sqlalchemy_engine(uri)
Base.metadata.create_all(engine)
config = _get_alembic_config(uri)
with engine.begin() as connection:
    config.attributes["connection"] = connection
    command.upgrade(config, sys.argv[2])
"""
FILES = """
import sys, mlflow
mlflow.set_tracking_uri(f"file://{sys.argv[1]}")
client = mlflow.MlflowClient()
run = client.create_run(client.create_experiment("old"), run_name="of old").info.run_id
client.log_metric(run, "accuracy", 0.5)
client.set_terminated(run)
"""
LIVE = """
import sys, time
from pathlib import Path
from stages.core.settings.params import open_project
from stages.core.tracking.live import Live
params, layout = open_project(Path(sys.argv[1]))
live = Live(layout, params, {"key": sys.argv[2], "name": sys.argv[2], "params": {}})
live.epoch(1, {"loss": 0.5})
print("begun", flush=True)
time.sleep(600)
"""


@pytest.fixture
def patient(project, monkeypatch):
    """A checkout in which nothing has run, examined as from within it."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Patient(Layout(project.root))


def run(program: str, *arguments: object, **variables: str) -> None:
    """Run a program to its end."""
    import os

    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("statement", [150, 670, 1500])
def test_a_store_whose_making_was_killed_is_moved_aside_and_made_anew(statement, patient):
    """Killed while MLflow itself makes it (as `mlflow ui` does, in place), before one of its some 1,700 statements."""
    path = patient.layout.root / "mlflow.db"
    making = [sys.executable, "-c", KILLED_MAKING, str(path), str(path.parent), str(statement)]
    assert subprocess.run(making, check=False).returncode == -signal.SIGKILL
    assert condition(path).state in {"half-made", "damaged", "locked"}
    found = examine("store", patient)

    assert [finding.level for finding in found] == ["broken"], found
    assert "made it anew" in repaired({"store": found})[0]
    assert condition(path).state == "whole"
    assert len(list(path.parent.glob("mlflow.db.broken-*[0-9]"))) >= 1


def test_a_store_of_an_older_mlflow_is_upgraded_in_a_copy(patient):
    """Its runs are there afterwards, and the old file as well."""
    path = patient.layout.root / "mlflow.db"
    known, newest = revisions()
    run(OLDER, path, "7f2a7d5fae7d")
    with sqlite3.connect(path) as store:
        store.execute("insert into experiments (experiment_id, name) values (1, 'old')")
        store.execute("insert into runs (run_uuid, name, status, experiment_id) values ('a', 'old', 'FINISHED', 1)")
    assert "7f2a7d5fae7d" in known - newest
    found = examine("store", patient)
    assert "of an older MLflow" in found[0].text

    assert "upgraded mlflow.db" in repaired({"store": found})[0]
    assert (condition(path).state, condition(path).n_runs) == ("whole", 1)
    assert len(list(path.parent.glob("mlflow.db.broken-*"))) == 1


def test_the_runs_of_a_file_store_are_taken_over(patient):
    """MLflow no longer reads them; in SQLite it does. Once is enough."""
    run(FILES, patient.layout.root / "mlruns", MLFLOW_ALLOW_FILE_STORE="true")
    found = examine("store", patient)
    assert "MLflow file store with 1 runs" in found[1].text

    assert "took the runs of mlruns/ over into mlflow.db" in repaired({"store": found})[0]
    with sqlite3.connect(patient.layout.root / "mlflow.db") as store:
        assert store.execute("select name, status from runs").fetchall() == [("of old", "FINISHED")]
        assert store.execute("select value from metrics").fetchall() == [(0.5,)]
    assert [finding.level for finding in examine("store", patient)] == ["ok"]


def test_a_run_left_running_is_ended_and_a_living_one_left_alone(patient):
    """Which is which, the process tells that is noted on the run."""
    processes = {}
    for key in ("dead", "alive"):
        processes[key] = subprocess.Popen(
            [sys.executable, "-c", LIVE, str(patient.layout.root), key], stdout=subprocess.PIPE, text=True
        )
        assert processes[key].stdout.readline() == "begun\n"
    processes["dead"].kill()
    processes["dead"].wait()
    try:
        found = examine("running", patient)
        assert "1 runs are called RUNNING, but their process is gone: dead" in found[0].text
        assert repaired({"running": found}) == ["running: marked 1 runs as KILLED"]
        assert examine("running", patient)[0].text == "1 runs are under way"
    finally:
        processes["alive"].kill()
        processes["alive"].wait()
    with sqlite3.connect(patient.layout.root / "mlflow.db") as store:
        assert store.execute("select name, status from runs order by name").fetchall() == [
            ("alive", "RUNNING"),
            ("dead", "KILLED"),
        ]
