"""What a person sees, and what is never sent anywhere."""

import os
import subprocess
import sys

import pytest

from stages.core.console import held_back, progress, run, silence_telemetry
from stages.core.errors import UserError
from stages.core.files import write_text


def test_a_mistake_is_a_sentence_and_exit_code_1(capsys):
    """A UserError is printed as `error: …`, without a traceback."""

    def mistaken():
        raise UserError("the door is locked; take the key")

    assert run(mistaken) == 1
    assert capsys.readouterr().err == "error: the door is locked; take the key\n"


def test_the_place_that_is_in_the_way_is_named(tmp_path, capsys):
    """Not the temporary name that was to take it: the person never chose that."""
    (tmp_path / "table.csv").mkdir()

    assert run(lambda: write_text(tmp_path / "table.csv", "x")) == 1
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}/table.csv: a folder stands where a file is needed")


def test_a_bug_keeps_its_traceback():
    """What is not the user's fault is not hidden."""
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 / 0)


def test_telemetry_is_off_before_any_tool_is_imported(monkeypatch):
    """Each tool's own switch is set, whatever the environment said."""
    for name in ("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK", "GX_ANALYTICS_ENABLED", "DVC_NO_ANALYTICS"):
        monkeypatch.setenv(name, "perhaps")
    silence_telemetry()

    assert (os.environ["MLFLOW_DISABLE_TELEMETRY"], os.environ["GX_ANALYTICS_ENABLED"]) == ("true", "false")
    assert os.environ["DO_NOT_TRACK"] == os.environ["DVC_NO_ANALYTICS"] == "true"


def test_dvc_is_told_to_send_nothing():
    """The repository's own configuration switches DVC's analytics and update check off."""
    command = [sys.executable, "-m", "dvc", "config", "--list"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "core.analytics=false" in listed and "core.check_update=false" in listed


def test_held_back_output_is_shown_when_the_block_fails(capfd):
    """Notices of native code vanish, unless what follows them is an error."""
    with held_back():
        os.write(2, b"a notice\n")
    with pytest.raises(OSError, match="boom"), held_back():
        os.write(2, b"why it broke\n")
        raise OSError("boom")

    assert capfd.readouterr().err == "why it broke\n"


def test_progress_passes_everything_on():
    """The bar takes nothing away."""
    assert list(progress(iter(range(5)), 5, "counting")) == [0, 1, 2, 3, 4]
