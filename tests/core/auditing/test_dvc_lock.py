"""The hashes that an audit computes are those that DVC itself writes into dvc.lock."""

import contextlib
import itertools
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from stages.core.auditing.dvc_lock import dvc_md5, parsed_lock
from stages.core.layout import PROJECT

ORDERED = ["a", "a.csv", "a-b", "a b", "a0", "A", "é", "e\u0301", "日本", "\U0001f600"]
LEFT_OUT = [".a.7.part", "__pycache__", ".checkpoints", "mlruns", "mlflow.db-journal"]
FREE = st.text("ab.-_ é\uffee\U0001f600", min_size=1, max_size=4).filter(lambda name: name not in (".", ".."))
NAMES = st.sampled_from([*ORDERED, *LEFT_OUT]) | FREE
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.booleans() | st.none()


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A DVC repository with the project's .dvcignore, and a counter for the folders in it."""
    from dvc.repo import Repo

    root = tmp_path_factory.mktemp("dvc")
    shutil.copy(PROJECT / ".dvcignore", root)
    with Repo.init(str(root), no_scm=True) as repo:
        yield repo, itertools.count()


def saved_by_dvc(repo, path):
    """What DVC notes of an out that a stage has written."""
    from dvc.output import Output

    with contextlib.chdir(repo.root_dir):
        out = Output(None, str(path.relative_to(repo.root_dir)), repo=repo)
        out.save()
    return out.hash_info.value


@given(st.dictionaries(PATHS, st.binary(max_size=3), max_size=8), st.lists(PATHS, max_size=2))
@example({"trials/00/history.csv": b"1", "trials.csv": b"2", "trials-old": b"3"}, [])
@example({}, [])
@example({"seeds/1/a": b"", ".model.keras.123.part/x": b"half"}, ["empty/nested"])
def test_a_folder_has_the_hash_that_dvc_notes(repository, files, folders):
    """Whatever its files and subfolders are called, empty ones and those of .dvcignore among them."""
    repo, numbers = repository
    folder = Path(repo.root_dir) / "outs" / f"{next(numbers)}"
    folder.mkdir(parents=True)
    try:
        for name in folders:
            (folder / name).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    except OSError:  # one name can't be a file and a folder
        assume(False)
    assert dvc_md5(Path(repo.root_dir), folder) == saved_by_dvc(repo, folder)


@given(st.binary(max_size=20))
@example(b"line\r\nline\r\n")
def test_a_file_has_the_hash_that_dvc_notes(repository, content):
    """Also one with line ends of Windows, which old versions of DVC took for others."""
    repo, numbers = repository
    path = Path(repo.root_dir) / f"file-{next(numbers)}"
    path.write_bytes(content)
    assert dvc_md5(Path(repo.root_dir), path) == saved_by_dvc(repo, path)


def test_files_of_a_checkout_by_links_have_their_hash(repository):
    """With `cache.type: symlink` each file is a link into the cache."""
    repo, numbers = repository
    root = Path(repo.root_dir)
    original, folder = root / "original", root / "outs" / f"linked-{next(numbers)}"
    original.write_bytes(b"content")
    (folder / "sub").mkdir(parents=True)
    (folder / "sub/link").symlink_to(original)
    assert dvc_md5(root, folder) == saved_by_dvc(repo, folder)


def test_bytes_that_changed_unseen_have_another_hash(repository):
    """A file of equal size and time is read all the same: DVC's state is not trusted."""
    repo, numbers = repository
    path = Path(repo.root_dir) / f"file-{next(numbers)}"
    path.write_bytes(b"one")
    before, stat = saved_by_dvc(repo, path), path.stat()
    with path.open("r+b") as stream:
        stream.write(b"two")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert dvc_md5(Path(repo.root_dir), path) != before == saved_by_dvc(repo, path)


@given(st.dictionaries(st.text("ab:#- .'\"é1e", min_size=1, max_size=6), NUMBERS | st.text(max_size=8), max_size=5))
def test_params_are_read_as_dvc_wrote_them(repository, params):
    """Numbers, texts and nothing come back from dvc.lock as the values that they were, of the same type."""
    from dvc.utils.serialize import dumps_yaml

    assume(all(text.isprintable() for pair in params.items() for text in pair if isinstance(text, str)))
    noted = {"stages": {"train@a": {"cmd": "x", "params": {"params.yaml": params}}}}
    read = parsed_lock(dumps_yaml(noted)).params("train@a")
    assert {name: (type(value), value) for name, value in read.items()} == {
        name: (type(value), value) for name, value in params.items()
    }
