"""Unfinished work: one process at a time, kept when it fails, gone when it succeeds."""

import subprocess
import sys

import pytest

from stages.core import claims
from stages.core.claims import claimed, in_use
from stages.core.errors import UserError

HOLD = """
import sys, time
from pathlib import Path
from stages.core.claims import claimed
with claimed(Path(sys.argv[1]), "it"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that works in the folder."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "train-a-1")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_process_is_told_who_is_in_the_way(tmp_path, holder, monkeypatch):
    """After it has waited as long as an orphan may take to end."""
    monkeypatch.setattr(claims, "WAIT_S", 0.2)
    with (
        pytest.raises(
            UserError, match=r"another process runs the training of a, in .*train-a-1; wait for it or end it"
        ),
        claimed(tmp_path / "train-a-1", "the training of a"),
    ):
        pass
    assert in_use(tmp_path / "train-a-1")


def test_a_killed_process_holds_nothing(tmp_path, holder):
    """The lock is the kernel's: what it kept is there for the next, at once."""
    (tmp_path / "train-a-1/kept").write_text("work")
    holder.kill()
    holder.wait()
    with claimed(tmp_path / "train-a-1", "it") as place:
        assert (place / "kept").read_text() == "work"
    assert list(tmp_path.iterdir()) == [], "success leaves neither folder nor lock"


def test_a_failure_keeps_the_work(tmp_path):
    """And nobody holds it."""
    with pytest.raises(ZeroDivisionError), claimed(tmp_path / "train-a-1", "it") as place:
        (place / "kept").write_text("work")
        raise ZeroDivisionError

    assert (tmp_path / "train-a-1/kept").exists() and not in_use(tmp_path / "train-a-1")


def test_work_under_another_key_is_named_and_left(tmp_path, capsys):
    """Of the same entry only; a search around it, or another entry, is other work."""
    for name in ("train-a-2", "train-b-3", "tune-a-4"):
        (tmp_path / name).mkdir()
    with claimed(tmp_path / "train-a-1", "it"):
        pass

    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and said[0].startswith("ignoring train-a-2, of other params, data or code")
    assert (tmp_path / "train-a-2").exists()
