"""MLflow may fail in any way: training goes on, nothing of it is lost, and no secret is said.

The whole table of faults is `python benchmarks/tracking_faults.py`; here stand a few that need no server.
"""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from tests import forking
from tests.conftest import Checkout, checkout
from tests.stores import Proxy, contents, differences, hashes

pytestmark = pytest.mark.slow

CUT_SHORT = """
import os, sys
from stages.core.settings.params import open_project
from stages.core.tracking import waiting
from stages.core.tracking.mirror import mirror_present
left, real = int(sys.argv[1]), waiting.within
def within(limit_s, call, **how):
    global left
    left -= 1
    if not left:
        os.kill(os.getpid(), 9)
    return real(limit_s, call, **how)
waiting.within = within
params, layout = open_project()
mirror_present(layout, params)
print("whole")
"""
TOLD_TO_END = """
import os, signal, sys
from stages.core.console import run
from stages.core.tracking import mirror
real = mirror.log_origin
def log_origin(*given):
    os.kill(os.getpid(), signal.SIGTERM)
    real(*given)
mirror.log_origin = log_origin
from stages.__main__ import node
from stages.commands import sync
sys.exit(run(*((node, *sys.argv[1:]) if sys.argv[1:] else (sync.main, None))))
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> Checkout:
    """A small project whose images are packed."""
    made = checkout(tmp_path_factory.mktemp("prepared"))
    tree = made.params()
    block = {"filters": [4], "kernel": 3, "padding": "same", "batch_norm": "none", "pool": "max", "dropout": 0.0}
    tree["models"] = {"plain": {**tree["models"]["plain"], "blocks": [block], "dense": []}}
    tree["models"]["plain"]["fit"] |= {"epochs": 2, "batch_size": 256, "early_stopping": None, "seeds": [1, 2]}
    tree["tune"], tree["tracking"]["timeout_s"] = {}, 2
    made.write_params(tree)
    for node in ("download", "validate", "normalize"):
        made.stage(node)
    return made


@pytest.fixture(scope="module")
def trained(prepared, tmp_path_factory) -> Checkout:
    """The same, trained and evaluated with a store that works."""
    made = Checkout(tmp_path_factory.mktemp("trained") / "project")
    shutil.copytree(prepared.root, made.root)
    made.stage("train", "plain")
    made.stage("evaluate", "plain")
    made.command("sync")
    return made


@pytest.fixture
def copied(prepared, tmp_path) -> Checkout:
    """A fresh copy of the prepared project."""
    shutil.copytree(prepared.root, tmp_path / "project")
    return Checkout(tmp_path / "project")


def held(project: Checkout) -> dict:
    """All that a project's SQLite store holds."""
    return contents(f"sqlite:///{project.root}/mlflow.db")


@pytest.mark.parametrize("mode", ["hang", "error"])
def test_a_bad_server_changes_no_result_and_sync_makes_up_for_it(copied, trained, mode):
    """Equal files, and then a store that equals that of an undisturbed run."""
    proxy = Proxy(None, mode)
    try:
        said = copied.stage("train", "plain", MLFLOW_TRACKING_URI=proxy.address).stderr
        copied.stage("evaluate", "plain", MLFLOW_TRACKING_URI=proxy.address)
    finally:
        proxy.close()

    assert said.count("warning: MLflow") == 1
    assert hashes(copied.root / "data/candidates") == hashes(trained.root / "data/candidates")
    assert hashes(copied.root / "reports/candidates") == hashes(trained.root / "reports/candidates")
    assert "1 runs completed" in copied.command("sync").stderr
    assert differences(held(trained), held(copied)) == []


def test_a_locked_store_changes_no_result(copied, trained):
    """Another process holds SQLite's lock during all of the training."""
    shutil.copy(trained.root / "mlflow.db", copied.root / "mlflow.db")
    with sqlite3.connect(copied.root / "mlflow.db", isolation_level=None) as store:
        store.execute("begin exclusive")
        said = copied.stage("train", "plain").stderr
        store.execute("rollback")

    assert "warning: MLflow: not reachable: NoAnswer: no answer within 2 s" in said
    assert hashes(copied.root / "data/candidates") == hashes(trained.root / "data/candidates")


def test_a_mirror_that_is_killed_anywhere_is_completed_by_the_next(trained, tmp_path):
    """Killed before its 8th, 20th, 35th … call; then again: equal, with no step or model twice."""
    project = Checkout(tmp_path / "project")
    shutil.copytree(trained.root, project.root)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "DVC_"))}
    shutil.rmtree(project.root / "mlruns")
    (project.root / "mlflow.db").unlink()
    codes = []
    for n_calls in (8, 20, 35, 50, 60):
        command = [forking.client_of(sys.executable), "-c", CUT_SHORT, str(n_calls)]
        codes.append(subprocess.run(command, cwd=project.root, env=environment, check=False).returncode)

    assert codes.count(-signal.SIGKILL) >= 3
    project.command("sync")
    assert differences(held(trained), held(project)) == []


@pytest.mark.parametrize("command", [["train", "plain"], []], ids=["train", "sync"])
def test_a_mirror_that_is_told_to_end_marks_its_run(command, trained, tmp_path):
    """SIGTERM while a run is completed from files: KILLED, by the process itself; `sync` completes and finishes it."""
    project = Checkout(tmp_path / "project")
    shutil.copytree(trained.root, project.root)
    shutil.rmtree(project.root / "mlruns")
    (project.root / "mlflow.db").unlink()
    done = project.run(sys.executable, "-c", TOLD_TO_END, *command, ok=False)

    assert done.returncode == 128 + signal.SIGTERM and "by force" not in done.stderr
    assert statuses(project) == ["KILLED"]
    assert "1 runs completed" in project.command("sync").stderr
    assert statuses(project) == ["FINISHED"]
    assert differences(held(trained), held(project)) == []


def statuses(project: Checkout) -> list[str]:
    """What the runs of a project's store are called."""
    with sqlite3.connect(project.root / "mlflow.db") as store:
        return [status for (status,) in store.execute("select status from runs")]


def test_a_password_is_nowhere(copied):
    """Neither in what is said nor in any file, whatever the server answers."""
    proxy = Proxy(None, "error")
    secret = {
        "MLFLOW_TRACKING_URI": proxy.address.replace("http://", "http://annabel:s3cr%23t-pass@"),
        "MLFLOW_TRACKING_TOKEN": "tok-9876",
    }
    try:
        done = [
            copied.stage("train", "plain", **secret),
            copied.stage("evaluate", "plain", **secret),
            copied.command("sync", ok=False, **secret),
            copied.command("ui", ok=False, **secret),
            copied.command("doctor", ok=False, **secret),
        ]
    finally:
        proxy.close()

    said = " ".join(one.stdout + one.stderr for one in done)
    assert any("Authorization" in line or "Basic" in line or "Bearer" in line for line in proxy.seen)
    for word in ("annabel", "s3cr", "t-pass", "tok-9876"):
        assert word not in said
        found = subprocess.run(["grep", "-rla", word, str(copied.root)], capture_output=True, text=True, check=False)
        assert [line for line in found.stdout.splitlines() if "/tests/" not in line] == []


def test_a_stage_that_is_told_to_end_marks_its_run(copied):
    """SIGTERM in the middle of a training: KILLED in the store; the next run goes on in the same run and ends it."""
    tree = copied.params()
    tree["models"]["plain"]["fit"] |= {"epochs": 100, "seeds": [1]}
    copied.write_params(tree)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "DVC_"))}
    process = subprocess.Popen([sys.executable, "-m", "stages", "train", "plain"], cwd=copied.root, env=environment)
    while epochs(copied) < 2:
        time.sleep(0.2)
        assert process.poll() is None
    process.terminate()

    assert process.wait(timeout=60) == 128 + signal.SIGTERM
    with sqlite3.connect(copied.root / "mlflow.db") as store:
        assert store.execute("select status from runs").fetchall() == [("KILLED",)]
    copied.stage("train", "plain")
    with sqlite3.connect(copied.root / "mlflow.db") as store:
        assert store.execute("select status from runs").fetchall() == [("FINISHED",)]
    assert epochs(copied) == 100


def epochs(project: Checkout) -> int:
    """How many points the curve of the loss has in a project's store; each step stands there once."""
    if not (project.root / "mlflow.db").exists():
        return 0
    with sqlite3.connect(project.root / "mlflow.db", timeout=10) as store:
        steps = [step for (step,) in store.execute("select step from metrics where key = 'curve/loss'")]
    assert len(steps) == len(set(steps))
    return len(steps)
