"""The revision that holds a candidate is found by the hash in its dvc.lock, wherever the project lies in the repository."""

import subprocess

import pytest

from stages.core.auditing.holder import holder
from stages.core.candidates.git_state import git_state

LOCK = "stages:\n  train@a:\n    cmd: x\n    outs:\n    - path: data/candidates/a\n      md5: {}\n"
MD5 = "0123456789abcdef0123456789abcdef.dir"


@pytest.fixture(params=[".", "models/digits"])
def project(request, tmp_path):
    """A project whose dvc.lock is committed, at the top of its repository or in a folder of it."""
    root = tmp_path / request.param
    root.mkdir(parents=True, exist_ok=True)
    (root / "dvc.lock").write_text(LOCK.format(MD5))
    (root / "params.yaml").write_text("seed: 1\n")
    (tmp_path / "README.md").write_text("of all")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        named = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        subprocess.run(["git", "-C", str(tmp_path), *named, *command], check=True)
    return root


def test_what_is_committed_has_a_holder(project):
    """HEAD holds the hash: its dvc.lock and params.yaml can be read."""
    found = holder(project, "train@a", "data/candidates/a", MD5)
    assert found and found.called.startswith("commit ") and found.text("params.yaml") == "seed: 1\n"
    assert found.text("absent.yaml") is None


def test_what_is_not_committed_has_none(project):
    """Another hash is in no commit."""
    assert holder(project, "train@a", "data/candidates/a", MD5[::-1]) is None


def test_files_that_differ_are_named_from_the_project(project):
    """What DVC writes is no difference; what a person changed is, also in a repository that holds more."""
    (project / "dvc.lock").write_text(LOCK.format(MD5) + "\n")
    (project / "params.yaml").write_text("seed: 2\n")
    state = git_state(project)
    assert state["dirty_files"] == ["params.yaml"] and "+seed: 2" in state["diff"]["text"]
