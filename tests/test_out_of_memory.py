"""The kernel itself kills a trial for lack of memory; tests/core/training/test_memory.py are its short ones."""

import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import Checkout

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(900)]  # in short: core/training/test_memory.py

LIMIT = 1_500_000_000  # bytes; a small trial needs a third of it
GROUPS = {"memory": ("memory", "memory.limit_in_bytes"), "": ("", "memory.max")}  # of both versions of cgroups
ENTER = 'echo $$ > "$0/cgroup.procs"; exec "$@"'


def limited_group():
    """Make a group of processes that may use LIMIT bytes together, below our own; None where that is not allowed."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, own = line.split(":", 2)
        if controllers not in GROUPS:
            continue
        mount, limit = GROUPS[controllers]
        group = Path("/sys/fs/cgroup", mount, own.strip("/"), f"imagetrail-{os.getpid()}")
        with suppress(OSError):
            group.mkdir()
            if (group / limit).is_file():
                (group / limit).write_text(str(LIMIT))
                return group
            group.rmdir()
    return None


@pytest.fixture
def little_memory():
    """A group of processes with little memory; skips where none can be made."""
    group = limited_group()
    if group is None:
        pytest.skip("no group of processes with a limit can be made here")
    yield group
    group.rmdir()


def test_a_trial_that_the_kernel_kills_for_lack_of_memory_fails_alone(finished, little_memory, tmp_path):
    """Killed twice, each time with the whole stage; then the search goes on without it, and its other trials count."""
    project = Checkout(tmp_path / "project")
    shutil.copytree(finished.root, project.root)
    tree = project.params()
    small, large = ([{"units": n, "batch_norm": False, "dropout": 0.0}] for n in (16, 3_000_000))
    block = {"filters": [4], "kernel": 3, "padding": "same", "batch_norm": "none", "pool": "max", "dropout": 0.0}
    tree["models"]["plain"] |= {"blocks": [block], "dense": small}
    space = {"dense": {"choices": [small, large]}}
    tree["tune"]["plain"] |= {"method": "grid", "budget": {"trials": 2}, "epochs": 1, "batch": 1, "space": space}
    project.write_params(tree)
    command = ["sh", "-c", ENTER, str(little_memory), sys.executable, "-m", "stages", "tune", "plain"]
    nobody = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    codes = [project.run(*command, ok=False, **nobody).returncode for _ in range(3)]
    trials = pd.read_csv(project.root / "reports/tuning/plain/trials.csv").set_index("trial")

    assert codes == [-signal.SIGKILL, -signal.SIGKILL, 0]
    assert trials["failure"].notna().to_dict() == {1: False, 2: True}
    assert "killed 2 times for lack of memory" in trials.loc[2, "failure"]
