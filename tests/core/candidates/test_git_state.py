"""What is noted of the checkout: commit, what differs, and no secret."""

import subprocess

import pytest

from stages.core.candidates.git_state import git_state, without_secrets


def git(root, *arguments):
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "stages").mkdir()
    (tmp_path / "params.yaml").write_text("uri: a\n")
    (tmp_path / "dvc.lock").write_text("a\n")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "start")
    return tmp_path


def test_a_clean_tree_has_no_difference(repository):
    """dvc.lock, data/ and reports/ are written during a run and are none."""
    (repository / "dvc.lock").write_text("b\n")
    (repository / "reports").mkdir()
    (repository / "reports/ledger.jsonl").write_text("x\n")
    state = git_state(repository)

    assert len(state["commit"]) == 40 and state["dirty_files"] == [] and state["diff"] is None


def test_the_difference_is_kept_without_secrets(repository):
    """An edited file with its difference, a new model by name; user, password and query of a URL are gone."""
    (repository / "params.yaml").write_text("uri: https://me:secret@example.com/a.zip?token=hidden\n")
    (repository / "stages/mine.py").write_text("1\n")
    state = git_state(repository)

    assert state["dirty_files"] == ["params.yaml", "stages/mine.py"]
    assert "+uri: https://example.com/a.zip" in state["diff"]["text"]
    assert "secret" not in str(state) and "hidden" not in str(state)


def test_without_git_nothing_is_known(tmp_path):
    """No repository, no commit: no error."""
    assert git_state(tmp_path) == {"commit": "", "dirty_files": [], "diff": None}


def test_what_only_looks_like_a_url_is_cut():
    """A broken address is not shown either."""
    assert "secret" not in without_secrets("x http://[secret]:@@/y z")
