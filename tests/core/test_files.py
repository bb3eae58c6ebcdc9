"""Files are written whole or not at all."""

import os
import signal
import subprocess
import sys

import pytest

from stages.core.files import replaced, replaced_folder, write_json
from stages.core.layout import PROJECT


def test_a_failed_write_leaves_what_was_there(tmp_path):
    """An exception half-way keeps the old file and leaves nothing beside it."""
    path = tmp_path / "a.json"
    write_json(path, {"b": 1})
    with pytest.raises(RuntimeError), replaced(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError

    assert path.read_text() == '{\n "b": 1\n}\n' and os.listdir(tmp_path) == ["a.json"]


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    """What the old folder held and the new one doesn't is gone."""
    with replaced_folder(tmp_path / "out") as folder:
        (folder / "old").write_text("1")
    with replaced_folder(tmp_path / "out") as folder:
        (folder / "new").write_text("2")

    assert os.listdir(tmp_path / "out") == ["new"] and os.listdir(tmp_path) == ["out"]


def test_what_a_killed_process_left_is_swept(tmp_path):
    """The next writer deletes it; that of a process that lives stays."""
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    stale = tmp_path / f".out.{int(dead.stdout)}.part"
    stale.mkdir()
    (stale / "half").write_text("x")
    living = tmp_path / f".out.{os.getppid()}.part"
    living.mkdir()
    with replaced_folder(tmp_path / "out"):
        pass

    assert sorted(os.listdir(tmp_path)) == [living.name, "out"]


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_folder_that_was_being_filled_by_a_killed_process_is_not_there(tmp_path, pieces):
    """SIGKILL between two of its files: what was there stays, as it was, and the next write takes the rest away."""
    script = f"""
import os, signal, sys
from pathlib import Path
from stages.core.files import replaced_folder
with replaced_folder(Path(sys.argv[1])) as folder:
    for number in range({pieces}):
        (folder / f"{{number}}.bin").write_bytes(b"new")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    (tmp_path / "export").mkdir()
    (tmp_path / "export/0.bin").write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "export")], cwd=PROJECT, check=False)

    assert done.returncode == -signal.SIGKILL
    assert [path.read_bytes() for path in (tmp_path / "export").iterdir()] == [b"old"]
    with replaced_folder(tmp_path / "export"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["export"]


def test_no_number_that_json_does_not_know(tmp_path):
    """NaN is refused, and nothing is written."""
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"loss": float("nan")})

    assert os.listdir(tmp_path) == []
