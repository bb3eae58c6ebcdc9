"""Searches in worker processes: the same results as without, and no death of a process that hangs or loses them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import checkout

pytestmark = pytest.mark.slow
DEADLINE = 240  # s


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A project with packed images and a search of two batches that prunes."""
    made = checkout(tmp_path_factory.mktemp("searched"))
    tree = made.params()
    tree["tune"]["plain"] |= {
        "budget": {"trials": 4},
        "initial_points": 2,
        "batch": 2,
        "epochs": 3,
        "prune": {"after": 1, "below": "median"},
    }
    tree["runtime"]["threads"] = 1
    made.write_params(tree)
    for node in ("download", "validate", "normalize"):
        made.stage(node)
    return made


@pytest.fixture(scope="module")
def alone(prepared):
    """Every file of the search in one process, by path."""
    set_workers(prepared, 1)
    prepared.stage("tune", "plain")
    return contents(prepared)


def set_workers(made, n):
    """Change the number of workers."""
    tree = made.params()
    tree["tune"]["plain"]["workers"] = n
    made.write_params(tree)


def contents(made):
    """Bytes of all outs of the search."""
    places = [made.root / "data/candidates/plain-tuned", made.root / "reports/tuning/plain"]
    return {str(p.relative_to(made.root)): p.read_bytes() for place in places for p in place.rglob("*") if p.is_file()}


def begun(made):
    """Start the search in the background."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "DVC_"))}
    command = [sys.executable, "-m", "stages", "tune", "plain"]
    return subprocess.Popen(command, cwd=made.root, env=environment, stderr=subprocess.PIPE, text=True)


def workers_of(pid):
    """Process ids of the workers of a stage."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            line = (stat.parent / "cmdline").read_text()
        except OSError:
            continue
        if parent == pid and "spawn_main" in line:
            found.append(int(stat.parent.name))
    return sorted(found)


def waited(condition):
    """Wait for something to be true. Fails after the deadline."""
    end = time.monotonic() + DEADLINE
    while not (value := condition()):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.1)
    return value


def ended_trials(made):
    """Files of trials that have ended, of a search under way."""
    return sorted(made.root.glob(".checkpoints/tune-*/trials/*/trial.json"))


def test_two_workers_change_no_byte(prepared, alone):
    """Trials, scores, pruning, tables, pictures, models and the winner are those of a search in one process."""
    set_workers(prepared, 2)
    prepared.stage("tune", "plain")
    found = contents(prepared)

    assert sorted(found) == sorted(alone)
    assert [path for path in found if found[path] != alone[path]] == []
    assert not list(prepared.root.glob(".checkpoints/*"))


def test_a_killed_worker_is_replaced(prepared, alone):
    """Its trial runs again, in a new process, and the result is the same."""
    set_workers(prepared, 2)
    search = begun(prepared)
    victim = waited(lambda: workers_of(search.pid))[0]
    waited(lambda: list(prepared.root.glob(".checkpoints/tune-*/trials/01")))
    os.kill(victim, signal.SIGKILL)
    _, said = search.communicate(timeout=DEADLINE)

    assert search.returncode == 0, said
    assert contents(prepared) == alone


@pytest.mark.long
def test_a_killed_search_goes_on_without_repeating_and_leaves_no_worker(prepared, alone):
    """Its workers end by themselves; run again, it takes over the finished trials and ends with the same bytes."""
    set_workers(prepared, 2)
    search = begun(prepared)
    waited(lambda: len(ended_trials(prepared)) >= 2)
    orphans = workers_of(search.pid)
    search.kill()
    search.communicate(timeout=DEADLINE)
    waited(lambda: not any(Path(f"/proc/{pid}").exists() for pid in orphans))
    kept = {path: path.stat().st_mtime_ns for path in ended_trials(prepared)}

    again = begun(prepared)
    waited(lambda: (prepared.root / "data/candidates").exists() and again.poll() is not None)
    said = again.stderr.read()
    assert again.returncode == 0, said
    assert f"going on after {len(kept)} finished trials" in said
    assert contents(prepared) == alone


def test_a_worker_that_is_killed_every_time_ends_the_search(prepared):
    """The error says in which trial, what to try, and that nothing is lost; nothing hangs."""
    set_workers(prepared, 2)
    tree = prepared.params()
    tree["tune"]["plain"]["seed"] = 2
    prepared.write_params(tree)
    search = begun(prepared)
    killed = set()
    while search.poll() is None and len(killed) < 6:
        for pid in set(workers_of(search.pid)) - killed:
            killed.add(pid)
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.1)
    _, said = search.communicate(timeout=DEADLINE)

    assert search.returncode == 1
    assert "was killed twice (signal 9)" in said and "lower tune.workers or fit.batch_size" in said
    tree["tune"]["plain"]["seed"] = 1
    prepared.write_params(tree)


@pytest.mark.long
def test_a_search_has_one_run_however_many_workers_look_for_it(prepared):
    """They begin at the same moment, and each would make it."""
    import sqlite3

    set_workers(prepared, 2)
    prepared.stage("tune", "plain")
    with sqlite3.connect(prepared.root / "mlflow.db") as store:
        names = [name for (name,) in store.execute("select name from runs where name = 'plain-tuned'")]
        keys = store.execute(
            "select count(distinct value) from tags where key = 'imagetrail.key' and value not like '%-0%'"
        )

        assert len(names) == keys.fetchone()[0]
