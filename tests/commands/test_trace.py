"""`imagetrail trace` over real commits: where an image was, under any name, and the proof that it is in no later model."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from stages.core.auditing.ledger import append
from stages.core.files import digest
from stages.core.layout import Layout
from tests.conftest import checkout

pytestmark = pytest.mark.slow
AFTER_ALL = "2999-01-01"
BEFORE_ALL = "2000-01-01"


def picture(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (16, 16, 3), np.uint8)).save(path)


def made(project, name):
    """Run the data nodes, enter a model made from them, and commit."""
    project.run("dvc", "repro", "-f", "download", "validate")
    body = {"candidate": name, "key": name * 8, "failure": None, "model_sha256": "0" * 64}
    body["manifest_sha256"] = digest(project.root / "data/manifest.parquet")
    line = append(Layout(project.root), "candidate", body)
    project.run("git", "add", "-A")
    project.run("git", "commit", "-qm", name)
    return line


@pytest.fixture(scope="module")
def history(tmp_path_factory):
    """Two models: the first has seen cat/00.png, and a copy of it as BMP under another name; the second has not."""
    project = checkout(tmp_path_factory.mktemp("trace"))
    folder = project.root.parent / f"{project.root.name}-images"
    for i in range(12):
        picture(folder / f"cat/{i:02d}.png", i)
        picture(folder / f"dog/{i:02d}.png", 100 + i)
    Image.open(folder / "cat/00.png").save(folder / "cat/copy.bmp")
    shutil.copy(folder / "cat/00.png", project.root.parent / f"{project.root.name}-withdrawn.png")
    params = project.params()
    params["datasets"]["my_folder"]["path"] = str(folder)
    params["download"]["dataset"] = "my_folder"
    params["checks"] |= {"enough": {"severity": "warning", "min_per_class": 1}}
    project.write_params(params)
    lines = [made(project, "old")]
    (folder / "cat/00.png").unlink()
    (folder / "cat/copy.bmp").unlink()
    lines.append(made(project, "new"))
    return project, project.root.parent / f"{project.root.name}-withdrawn.png", [line.time for line in lines]


def traced(project, *arguments):
    done = project.command("trace", *map(str, arguments), "--json", ok=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def test_an_image_is_found_by_name_file_and_hash(history):
    """All three lead to both copies, their split, the revision and the one model that saw them."""
    project, file, _ = history
    for wanted in ("cat/00.png", file, digest(file)[:12]):
        code, found, _ = traced(project, wanted)
        (one,) = found["data_sets"]
        assert code == 0 and {image["path"] for image in one["images"]} == {"cat/00.png", "cat/copy.bmp"}
        assert [model["candidate"] for model in one["models"]] == ["old"]
        assert one["images"][0]["split"] in ("train", "val", "test")


def test_a_withdrawn_image_is_proven_to_be_in_no_later_model(history):
    """Later than the first model: proven. From the start: it is in one, exit code 3."""
    project, file, (first, _) = history
    proof = project.command("trace", str(file), "--not-after", first).stdout

    assert "proven: it is in none of the 1 models made after" in proof
    code, _, said = traced(project, file, "--not-after", BEFORE_ALL)
    assert code == 3 and "it is in 1 models" in said and "old of" in said


def test_a_slip_of_the_pen_proves_nothing(history):
    """A name or a piece of a hash that nothing has is an error; a whole hash is an answer."""
    project, _, _ = history

    assert traced(project, "cat/O0.png", "--not-after", BEFORE_ALL)[0] == 1
    assert traced(project, "abcdef12", "--not-after", BEFORE_ALL)[0] == 1
    assert traced(project, "0" * 64, "--not-after", BEFORE_ALL)[0] == 0
    assert traced(project, "cat/00.png", "--not-after", "yesterday")[0] == 1


def test_what_can_not_be_read_is_not_proven(history, tmp_path):
    """Without the bytes of an older manifest nothing can be said about its models."""
    project, file, _ = history
    copy = type(project)(tmp_path / "copy")
    shutil.copytree(project.root, copy.root, symlinks=True)
    shutil.rmtree(copy.root / ".dvc/cache")
    code, _, said = traced(copy, file, "--not-after", BEFORE_ALL)

    assert code == 3 and "not proven" in said and "old (manifest" in said
    assert traced(copy, file, "--not-after", AFTER_ALL)[0] == 0
