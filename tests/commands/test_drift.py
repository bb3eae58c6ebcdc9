"""`imagetrail drift` on the model of the digits: what is called, what is not, and what is said of mistakes."""

import io
import json
import shutil
import time
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageFilter

from stages.core.candidates.predictor import load_predictor
from stages.core.files import digest
from stages.core.ingest.source import images_named
from stages.core.training.reference import IMAGES, LOOKS, POINTS, train_looks, write_reference
from tests.browser import SIZES, opened, too_wide, violations

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def copied(finished, tmp_path_factory):
    """A finished project in which comparisons may be written."""
    folder = tmp_path_factory.mktemp("drift") / "copy"
    shutil.copytree(finished.root, folder, symlinks=True)
    return type(finished)(folder)


def images(project, split, label=None):
    """Files of a split, by path in the source."""
    manifest = pd.read_parquet(project.root / "data/manifest.parquet", columns=["path", "label", "split"])
    rows = manifest[(manifest["split"] == split) & ((manifest["label"] == label) | (label is None))]
    return dict(images_named(project.root / "data/source/images.zip", rows["path"]))


def written(folder, files, change=None):
    """Write files side by side into a folder, without a class; `change` takes and gives a Pillow image."""
    folder.mkdir(exist_ok=True)
    for path, data in files.items():
        stream = io.BytesIO(data)
        if change:
            image, stream = Image.open(stream), io.BytesIO()
            change(image).save(stream, "png")
        (folder / path.replace("/", "_")).write_bytes(stream.getvalue())
    return folder


def drift(project, *arguments, code=0):
    """Run the command, expect an exit code, and return (drift.json, measures that drifted, stderr)."""
    done = project.command("drift", *map(str, arguments), "--json", ok=False)
    assert done.returncode == code, done.stderr
    found = json.loads(done.stdout)
    return found, {row["measure"] for row in found["measures"] if row["verdict"] == "drift"}, done.stderr


def test_validation_images_have_not_drifted(copied, tmp_path):
    """The images that the record was made of: exit code 0, nothing called, nothing unreadable; in an archive, too."""
    files = images(copied, "val")
    found, drifted, _ = drift(copied, written(tmp_path / "new", files))
    with zipfile.ZipFile(tmp_path / "new.zip", "w") as archive:
        for path, data in files.items():
            archive.writestr(path, data)
    packed, _, _ = drift(copied, tmp_path / "new.zip", "residual")

    assert (found["verdict"], drifted, found["unreadable"]) == ("no drift", set(), {})
    assert found["n_found"] == found["n_looked"] == len(files)
    assert packed["measures"] == drift(copied, tmp_path / "new", "residual")[0]["measures"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda image: image.point(lambda x: int(x * 0.7)), "brightness"),
        (lambda image: image.filter(ImageFilter.GaussianBlur(1)), "crispness"),
        (lambda image: image.point(lambda x: 255 - x), "brightness"),
    ],
    ids=["darker", "blurred", "inverted"],
)
def test_changed_images_have_drifted(copied, tmp_path, change, named):
    """Exit code 3, and the measure that the change touches is named."""
    found, drifted, said = drift(copied, written(tmp_path / "new", images(copied, "val"), change), "plain", code=3)

    assert named in drifted and found["verdict"] == "drift"
    assert said.splitlines()[-1].startswith("drift: ") and not {"width", "height", "aspect"} & drifted


def test_one_class_alone_has_drifted_in_class_shares(copied, tmp_path):
    """Only sevens: each looks as ever, and no other class comes."""
    files = images(copied, "train", "7") | images(copied, "test", "7")
    _, drifted, _ = drift(copied, written(tmp_path / "new", files), code=3)

    assert {"class shares", "probability of 7"} <= drifted


def test_five_images_are_not_called(copied, tmp_path):
    """They are described, however odd, and the answer says what is missing."""
    files = dict(list(images(copied, "test", "7").items())[:5])
    found, drifted, said = drift(copied, written(tmp_path / "new", files, lambda image: image.point(lambda x: 255 - x)))

    assert not drifted and found["measures"][0]["distance"] > 0.5 and "drift.min_images" in said


def test_unreadable_files_are_named_and_not_fatal(copied, tmp_path):
    """A broken picture is counted; what is no picture by its name is not looked at."""
    folder = written(tmp_path / "new", images(copied, "test"))
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "empty.jpg").touch()
    (folder / "notes.txt").write_text("hello")
    found, _, said = drift(copied, folder)

    assert set(found["unreadable"]) == {"broken.png", "empty.jpg"} and found["n_looked"] == found["n_found"]
    assert "warning: 2 could not be read: broken.png, empty.jpg" in said


def test_the_page_and_the_file_are_written(copied, tmp_path):
    """Self-contained, with a picture a measure and the most unusual images; the table is on the screen."""
    folder = written(tmp_path / "new", images(copied, "test"), lambda image: image.point(lambda x: int(x * 0.5)))
    done = copied.command("drift", str(folder), "plain", ok=False)
    text = (copied.root / "reports/drift/plain/index.html").read_text()
    found = json.loads((copied.root / "reports/drift/plain/drift.json").read_text())

    assert done.returncode == 3 and done.stdout.splitlines()[0].split() == [
        "measure",
        "train",
        "new",
        "distance",
        "p",
        "verdict",
    ]
    assert text.count('role="img"') == len(found["measures"]) - 1 and text.count("data:image/png") == 12
    assert len(found["unusual"]) == 12 and "http" not in text.replace("http-equiv", "")


@pytest.mark.parametrize("size", SIZES)
def test_the_page_fits_the_window(copied, browser, tmp_path, size):
    """Whatever the files are called; and axe finds nothing on it."""
    folder = written(tmp_path / "new", images(copied, "test", "7"))
    (folder / f"{'x' * 120}.png").write_bytes(b"")
    copied.command("drift", str(folder), "residual", ok=False)
    with opened(browser, copied.root / "reports/drift/residual/index.html", size) as page:
        assert too_wide(page) <= 0 and violations(page) == []


def assert_refused(project, *arguments, say):
    """The command ends with 1 and one sentence that holds these words."""
    done = project.command("drift", *map(str, arguments), ok=False)

    assert done.returncode == 1 and done.stderr.startswith("error: ") and "Traceback" not in done.stderr
    assert say in done.stderr, done.stderr


def test_mistakes_are_sentences(copied, tmp_path):
    """A wrong path, a file that is no archive, no image, no readable one, no such model."""
    (tmp_path / "text.zip").write_text("hello")
    (tmp_path / "none").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/broken.png").write_bytes(b"no picture")

    assert_refused(copied, tmp_path / "nowhere", say="no such folder or archive")
    assert_refused(copied, tmp_path / "text.zip", say="neither a zip nor a tar")
    assert_refused(copied, tmp_path / "none", say="holds no image")
    assert_refused(copied, tmp_path / "bad", say="none of 1 images can be read, e.g. broken.png")
    assert_refused(copied, tmp_path / "bad", "plane", say="did you mean plain?")


def test_a_model_without_a_record_says_to_train_it_again(finished, tmp_path):
    """One from before there was a record, one that failed, one whose file is not here, and none at all."""
    folder = tmp_path / "copy"
    shutil.copytree(finished.root, folder, symlinks=True, ignore=shutil.ignore_patterns("cache", "mlruns"))
    project = type(finished)(folder)
    path = folder / "data/candidates/plain/candidate.json"
    record = json.loads(path.read_text())
    for change, say in (
        ({"outputs": {"model.keras": ""}}, "`dvc repro -f train@plain` adds it"),
        ({"failure": "models.plain: NaN"}, "plain has no model: its training failed (models.plain: NaN)"),
    ):
        path.unlink()  # it may be a link into the cache
        path.write_text(json.dumps(record | change))
        assert_refused(project, tmp_path, "plain", say=say)
    (folder / "data/candidates/residual/reference.npz").unlink()
    (folder / "reports/champion.json").unlink()

    assert_refused(project, tmp_path, "residual", say="`dvc checkout` or `dvc pull`")
    assert_refused(project, tmp_path, say="champion.json is missing; `dvc repro` makes it")


@pytest.mark.parametrize("name", ["candidates/plain", "candidates/residual", "candidates/plain-tuned"])
def test_every_candidate_keeps_a_record(finished, name):
    """Looks of the train images and features of validation images; its hash is in candidate.json; trials have none."""
    path = finished.root / "data" / name / "reference.npz"
    with np.load(path, allow_pickle=False) as store:
        arrays = dict(store)
    n_val = len(images(finished, "val"))

    assert set(arrays) == {"features", *(f"look {look}" for look in LOOKS)}
    assert len(arrays["features"]) == min(n_val, IMAGES) and arrays["features"].dtype == np.float16
    assert all(len(arrays[f"look {look}"]) == POINTS for look in LOOKS) and path.stat().st_size < 1e6
    assert json.loads((path.parent / "candidate.json").read_text())["outputs"]["reference.npz"] == digest(path)
    assert not list(path.parent.glob("trials/*/reference.npz"))


def test_a_record_has_the_same_bytes_again(finished, tmp_path):
    """Written twice, some seconds apart, in this process: the bytes of the node."""
    looks = train_looks(finished.root / "data/manifest.parquet")
    model = load_predictor(finished.root / "data/candidates/plain")
    val = np.load(finished.root / "data/images/val.npy", mmap_mode="r")
    write_reference(tmp_path / "one.npz", looks, model, val)
    time.sleep(2.1)  # a zip keeps times in steps of two seconds
    write_reference(tmp_path / "two.npz", looks, model, val)

    assert digest(tmp_path / "one.npz") == digest(tmp_path / "two.npz")
