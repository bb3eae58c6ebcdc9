"""Killed in the middle of a training or a search, the next `dvc repro` ends as if nothing had been.

benchmarks/kills.py does the same at random times, many times over; here the moment is known: a checkpoint is there.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from benchmarks import kills
from tests.conftest import Checkout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2000)]


@pytest.fixture(scope="module", autouse=True)
def forked():
    """What is going to be killed is a process of its own; what runs to its end may be a fork."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kills, "run", lambda folder, command, **more: Checkout(folder).run(*command, ok=False, **more))
        yield


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """A tiny project, run through; it trained each of its configured epochs."""
    folder = tmp_path_factory.mktemp("kills") / "unbroken"
    kills.unbroken(folder)
    return folder


def begun(folder, command, pattern, in_store=None):
    """Start a command in a session of its own; wait until a file of `.checkpoints/` matches and a run of a name runs."""
    process = subprocess.Popen(
        command, cwd=folder, env=kills.environment(), start_new_session=True, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 400
    while not list((folder / ".checkpoints").glob(pattern)) or (in_store and status(folder, in_store) != ["RUNNING"]):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.02)
    return process


def status(folder, name):
    """Status of the run of a name in the store."""
    try:
        with sqlite3.connect(f"file:{folder / 'mlflow.db'}?mode=ro", uri=True) as store:
            return [row[0] for row in store.execute("select status from runs where name = ?", [name])]
    except sqlite3.OperationalError:  # not there yet, or just being made
        return []


def taken_up(unbroken, folder):
    """Run the pipeline to its end; returns what it said, having compared everything."""
    again = kills.run(folder, ["dvc", "repro"])
    assert again.returncode == 0, again.stderr
    assert kills.run(folder, [sys.executable, "-m", "stages.commands", "sync"]).returncode == 0  # a store may be slow
    assert kills.differences(unbroken, folder) == []
    return again.stderr


CASES = {
    "SIGTERM to the group": ("train residual", "train-residual-*/seed-1.checkpoint", signal.SIGTERM, "group", 1),
    "the second seed": ("train plain", "train-plain-*/seed-2.checkpoint", signal.SIGKILL, "stage", 1),
    "a search with workers": (
        "tune plain",
        "tune-plain-*/checkpoints/02/seed-*.checkpoint",
        signal.SIGTERM,
        "stage",
        2,
    ),
    "dvc repro": ("dvc", "train-plain-*/seed-1.checkpoint", signal.SIGKILL, "dvc", 1),
}


LONG = (
    "dvc repro",
    "a search with workers",
    "the second seed",
)  # and in short: core/test_stopping.py, and the other cases


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.long] * (name in LONG)) for name in CASES])
def test_what_is_killed_is_taken_up_to_the_same_bytes(name, unbroken, tmp_path):
    """All outs, all runs and their steps, and nothing left behind; it goes on where it was and not from the start."""
    node, pattern, number, target, workers = CASES[name]
    command = ["dvc", "repro"] if node == "dvc" else [sys.executable, "-m", "stages", *node.split()]
    folder = tmp_path / "project"
    kills.prepared(unbroken, folder, kills.Kill(0, command, target, number, 0.0, 0, workers))
    process = begun(folder, command, pattern, "residual" if name == "SIGTERM to the group" else None)
    kills.hit(process, kills.Kill(0, command, target, number, 0.0, 0, workers))
    _, said = process.communicate(timeout=60)
    kills.left_alone(process.pid)

    if number == signal.SIGTERM:
        assert process.returncode == 143 and "error: ended by SIGTERM" in said
        assert not list(folder.glob("data/candidates/.*.part"))
    if name == "SIGTERM to the group":
        assert status(folder, "residual") == ["KILLED"]
    assert "going on " in taken_up(unbroken, folder)


def test_a_checkpoint_of_other_params_is_named_and_not_used(unbroken, tmp_path):
    """Another seed begins anew; going back, the first one is taken up where it was."""
    folder = tmp_path / "project"
    command = [sys.executable, "-m", "stages", "train", "residual"]
    kills.prepared(unbroken, folder, kills.Kill(0, command, "stage", signal.SIGKILL, 0.0, 0, 1))
    process = begun(folder, command, "train-residual-*/seed-1.checkpoint")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    kills.change(folder, lambda tree: tree["models"]["residual"]["fit"].update(seeds=[5]))
    other = kills.run(folder, command)
    kills.change(folder, lambda tree: tree["models"]["residual"]["fit"].update(seeds=[1]))
    again = kills.run(folder, ["dvc", "repro"])

    assert other.returncode == 0 and "ignoring train-residual-" in other.stderr and "going on" not in other.stderr
    assert "going on with epoch" in again.stderr
    assert kills.outs(folder) == kills.outs(unbroken)
