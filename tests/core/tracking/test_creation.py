"""A new SQLite store is made whole, once, by however many processes, and whenever one of them is killed."""

import os
import random
import sqlite3
import subprocess
import sys
import time

import pytest

from stages.core.tracking.creation import make_sqlite, sqlite_path
from tests import forking

OPEN = """
import sys
from pathlib import Path
from types import SimpleNamespace as A
from stages.core.layout import Layout
from stages.core.tracking.runs import find_or_create
from stages.core.tracking.store import connect
params = A(tree=A(tracking=A(timeout_s=5)), dataset=A(name="digits"))
store = connect(Layout(Path(sys.argv[1])), params)
print(store.experiment_id, find_or_create(store, {"key": sys.argv[2], "name": sys.argv[2]}, None))
"""


def opened(root, key: str) -> subprocess.Popen:
    """Start a process that opens the store of a project and makes a run in it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "DVC_"))}
    return subprocess.Popen(
        [forking.client_of(sys.executable), "-c", OPEN, str(root), key],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_four_processes_may_open_a_new_store_at_once(tmp_path):
    """Each has its run, all in one experiment."""
    processes = [opened(tmp_path, f"run{number}") for number in range(4)]
    ended = [process.communicate(timeout=240) for process in processes]

    assert [process.returncode for process in processes] == [0] * 4, ended
    assert len({said.split()[0] for said, _ in ended}) == 1
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        assert store.execute("select count(*) from runs").fetchone() == (4,)
        assert store.execute("select count(*) from experiments").fetchone() == (2,)
    assert not list(tmp_path.glob(".mlflow.db.*"))


@pytest.mark.slow
def test_a_store_whose_making_was_killed_is_made_by_the_next(tmp_path):
    """Killed at random times, the making leaves no half of a store under its name."""
    moments = random.Random(1)
    for number in range(3):
        process = opened(tmp_path, f"killed{number}")
        time.sleep(moments.uniform(1.5, 5))
        process.kill()
        process.communicate()
        if (tmp_path / "mlflow.db").exists():
            break
    survivor = opened(tmp_path, "whole")

    assert survivor.communicate(timeout=240)[0].split() and survivor.returncode == 0
    assert not list(tmp_path.glob(".mlflow.db.*.part"))


def test_a_store_that_exists_is_left_alone(tmp_path):
    """Nothing is made over what is there."""
    (tmp_path / "mlflow.db").write_text("mine")

    make_sqlite(tmp_path / "mlflow.db", tmp_path, 1)

    assert (tmp_path / "mlflow.db").read_text() == "mine"


def test_only_a_plain_file_is_made_by_us():
    """Servers, other databases and SQLite's own options are MLflow's business."""
    assert str(sqlite_path("sqlite:////data/mlflow.db")) == "/data/mlflow.db"
    assert [sqlite_path(uri) for uri in ("http://host", "sqlite:////x.db?mode=ro", "postgresql://h/db")] == [None] * 3
