"""What `make` says before it begins."""

import shutil
import subprocess

from stages.core.layout import PROJECT


def test_a_folder_without_git_is_told_what_to_do(tmp_path, monkeypatch):
    """`make repro` stops before the set-up, and its sentence is what to type; after `git init` it goes on."""
    shutil.copy(PROJECT / "Makefile", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    called = {"cwd": tmp_path, "capture_output": True, "text": True}
    without = subprocess.run(["make", "repro"], check=False, **called)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    within = subprocess.run(["make", "in-git"], check=False, **called)

    assert without.returncode == 2 and without.stdout == ""
    assert "no git repository, and DVC needs one: git init && git add -A && git commit -m start" in without.stderr
    assert within.returncode == 0 and within.stderr == ""
