"""`imagetrail data-diff` between real revisions of a project with a tiny folder of images."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.conftest import checkout

pytestmark = pytest.mark.slow
LENIENT = {"enough": {"severity": "warning", "min_per_class": 1}}


def picture(path, seed):
    """Write a picture of noise: no two of them are alike."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)).save(path)


def committed(project, message):
    """Run the data nodes anew and commit what DVC recorded."""
    project.run("dvc", "repro", "-f", "download", "validate")
    project.run("git", "add", "-f", "dvc.lock", "params.yaml")
    project.run("git", "commit", "-qm", message)


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """A project with three commits: before any data, then 24 images of two classes, then after changes by hand."""
    project = checkout(tmp_path_factory.mktemp("data_diff"))
    folder = project.root.parent / f"{project.root.name}-images"
    for i in range(12):
        picture(folder / f"cat/{i:02d}.png", i)
        picture(folder / f"dog/{i:02d}.png", 100 + i)
    params = project.params()
    params["datasets"]["my_folder"]["path"] = str(folder)
    params["download"]["dataset"] = "my_folder"
    params["checks"] |= LENIENT
    project.write_params(params)
    committed(project, "one")
    picture(folder / "owl/00.png", 200)  # added
    picture(folder / "owl/01.png", 201)
    (folder / "cat/00.png").unlink()  # removed
    picture(folder / "cat/01.png", 300)  # other bytes
    (folder / "cat/02.png").rename(folder / "dog/from_cat.png")  # relabelled, and so renamed
    (folder / "dog/03.png").rename(folder / "dog/new_name.png")  # renamed
    params["datasets"]["my_folder"]["licence"] = "CC0"
    project.write_params(params)
    committed(project, "two")
    return project


def compared(project, *arguments):
    """What --json says: counts of the kinds that occur, and everything."""
    found = json.loads(project.command("data-diff", *arguments, "--json").stdout)
    return {kind: n for kind, n in found["counts"].items() if n}, found


def changes(found, kind):
    """(old path, new path) of one kind."""
    return [(row["old_path"], row["new_path"]) for row in found["changes"] if row["kind"] == kind]


def test_every_change_is_found(history):
    """Added, removed, renamed, changed, relabelled; what moved between splits are images that are still there."""
    counts, found = compared(history, "HEAD~1", "HEAD")
    moved = [row for row in found["changes"] if row["kind"] == "moved"]

    assert {kind: n for kind, n in counts.items() if kind != "moved"} == {
        "added": 2, "removed": 1, "renamed": 2, "changed": 1, "relabelled": 1
    }  # fmt: skip
    assert changes(found, "removed") == [("cat/00.png", None)] and changes(found, "changed")[0][1] == "cat/01.png"
    assert changes(found, "added") == [(None, "owl/00.png"), (None, "owl/01.png")]
    assert set(changes(found, "renamed")) == {("cat/02.png", "dog/from_cat.png"), ("dog/03.png", "dog/new_name.png")}
    assert changes(found, "relabelled") == [("cat/02.png", "dog/from_cat.png")]
    assert all(row["old_split"] != row["new_split"] for row in moved)
    assert found["source"]["licence"] == {"old": None, "new": "CC0"} and "images_zip_sha256" in found["source"]


def test_the_workspace_is_the_other_side_by_default(history):
    """After the commit it is what HEAD says."""
    done = history.command("data-diff", "HEAD")

    assert compared(history, "HEAD") == ({}, {**compared(history, "HEAD", "HEAD")[1], "new": "the workspace"})
    assert "HEAD: 25 images; the workspace: 25 images" in done.stdout and "the images are the same" in done.stdout


def test_the_screen_shows_a_table_and_examples(history):
    """Classes by kinds, examples in words, the facts about the source."""
    text = history.command("data-diff", "HEAD~1", "HEAD").stdout
    everything = history.command("data-diff", "HEAD~1", "HEAD", "--all").stdout

    assert "dog/from_cat.png: cat -> dog" in text and "cat/01.png: other bytes" in text
    assert "source: licence: None -> CC0" in text and "(--all)" not in everything
    assert [line.split()[0] for line in text.splitlines() if line.startswith(("cat ", "dog ", "owl ", "all "))]


def test_a_table_of_all_changes_can_be_written(history, tmp_path):
    """--csv has a row a change."""
    history.command("data-diff", "HEAD~1", "HEAD", "--csv", str(tmp_path / "diff.csv"))
    _, found = compared(history, "HEAD~1", "HEAD")

    assert len(pd.read_csv(tmp_path / "diff.csv")) == len(found["changes"])


@pytest.fixture
def copied(history, tmp_path):
    """The history, for a test to change."""
    shutil.copytree(history.root, tmp_path / "copy", symlinks=True)
    return type(history)(tmp_path / "copy")


def test_an_image_in_quarantine_is_told(copied):
    """`quarantine: [no_copies]` takes a copy out, and back in."""
    folder = copied.root.parent / "images"
    shutil.copytree(copied.params()["datasets"]["my_folder"]["path"], folder)
    shutil.copy(folder / "dog/05.png", folder / "dog/copy.png")
    params = copied.params()
    params["datasets"]["my_folder"]["path"] = str(folder)
    copied.write_params(params)
    committed(copied, "with a copy")
    copied.write_params(params | {"quarantine": ["no_copies"]})
    copied.run("dvc", "repro", "validate")
    counts, _ = compared(copied, "HEAD")

    assert counts.pop("quarantined") >= 1 and set(counts) <= {"moved"}


def assert_refused(project, *arguments, say):
    """The command ends with 1 and one sentence that holds these words."""
    done = project.command("data-diff", *arguments, ok=False)

    assert done.returncode == 1 and done.stderr.startswith("error: ") and "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1 and say in done.stderr, done.stderr


def test_mistakes_are_sentences(copied):
    """A revision that isn't there, one without a manifest, one whose bytes are gone, no workspace."""
    assert_refused(copied, "nonsense", say="'nonsense' is no git revision and no DVC experiment")
    assert_refused(copied, "HEAD~2", say="HEAD~2 has no data/manifest.parquet")
    (copied.root / "data/manifest.parquet").unlink()
    assert_refused(copied, "HEAD", say="manifest.parquet does not exist")
    shutil.rmtree(copied.root / ".dvc/cache")
    assert_refused(copied, "HEAD~1", "HEAD", say="is neither in the cache nor in a remote")


def test_a_remote_is_asked_when_the_cache_is_empty(copied, tmp_path):
    """After `dvc push` and a lost cache the answer is the same, though the revision itself knew no remote."""
    copied.run("dvc", "remote", "add", "-d", "store", str(tmp_path / "store"))
    copied.run("dvc", "push", "-q")
    shutil.rmtree(copied.root / ".dvc/cache")

    assert compared(copied, "HEAD")[0] == {}


def test_an_experiment_is_a_revision(copied):
    """Another seed of the split: images only move."""
    copied.run("dvc", "exp", "run", "-n", "other-seed", "-S", "split.seed=2", "validate")
    counts, _ = compared(copied, "HEAD", "other-seed")

    assert set(counts) == {"moved"}
