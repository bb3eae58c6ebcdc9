"""Every command starts in a process of its own: the other tests fork most of them off a process that has the imports."""

import os
import re
import subprocess
import sys

import pytest

from stages.core.layout import PROJECT

TYPED = re.findall(r"^imagetrail ([a-z-]+)", (PROJECT / "README.md").read_text(), re.MULTILINE)
COMMANDS = sorted({path.stem.replace("_", "-") for path in (PROJECT / "stages/commands").glob("[!_]*.py")} - {*TYPED})


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_starts_from_nothing(command, tmp_path):
    """From any folder, `--help` says what it does. What the README types is run as a whole: test_written_commands.py."""
    done = subprocess.run(
        [sys.executable, "-m", "stages.commands", command, "--help"],
        capture_output=True, text=True, check=False, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )  # fmt: skip

    assert done.returncode == 0 and f"imagetrail {command}" in done.stdout and done.stderr == ""
