"""The packaged model: calibrated, sure or not, whatever its classes are called, and made of modules that travel."""

import ast
import base64
import io
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages.core.candidates.calibrated import calibrated
from stages.core.candidates.candidate import Candidate
from stages.core.files import read_json, write_json
from stages.core.layout import PROJECT
from stages.core.tracking.packaging import MODULES, about, package
from stages.core.tracking.served_model import ServedModel

NORMALIZE = {"height": 2, "width": 2, "channels": "grey", "fit": "stretch", "resample": "bilinear"}
CLASSES = ["label", "confidence", "sure"]  # of all names, the worst
EXPORTED = {"stages/core/files.py"}  # imported by a function that a packaged model never calls


@dataclass
class Fixed:
    """Says of an image whose pixels are all n what stands in row n."""

    rows: np.ndarray

    def predict(self, images):
        return self.rows[images[:, 0, 0, 0]]

    def see(self, images):
        return self.predict(images), self.predict(images)


ROWS = np.array([[0.7, 0.2, 0.1], [0.1, 0.5, 0.4]], np.float32)


def served(temperature, threshold):
    told = {"classes": CLASSES, "normalize": NORMALIZE, "temperature": temperature, "threshold": threshold}
    return ServedModel(Fixed(ROWS), told)


def png(value):
    stream = io.BytesIO()
    Image.new("L", (4, 4), value).save(stream, "png")
    return stream.getvalue()


def test_answers_are_calibrated_and_say_when_they_are_not_sure():
    """Probabilities as the temperature makes them; sure from the threshold on; classes may be called like a column."""
    files = pd.DataFrame({"image": [png(0), base64.b64encode(png(1)).decode()]})
    told = served(0.5, 0.9).predict(files)
    expected = calibrated(ROWS, 0.5)

    assert list(told.columns) == ["label", "confidence", "sure", "p.label", "p.confidence", "p.sure"]
    assert list(told["label"]) == ["label", "confidence"] and list(told["sure"]) == [True, False]
    np.testing.assert_allclose(told.filter(like="p."), expected)
    np.testing.assert_allclose(told["confidence"], expected.max(axis=1))
    raw = np.stack([np.full((2, 2, 1), value, np.uint8) for value in (0, 1)])
    np.testing.assert_array_equal(served(0.5, 0.9).predict(raw), expected)


def test_without_temperature_and_threshold_nothing_is_changed():
    """What was evaluated without them is told as it is, and nobody knows which answer is sure."""
    told = served(None, None).predict(pd.DataFrame({"image": [png(0), png(1)]}))

    np.testing.assert_array_equal(told.filter(like="p.").to_numpy(np.float32), ROWS)
    assert list(told["sure"]) == [None, None]


def test_no_images_are_no_answers():
    """An empty table and an empty array give empty ones of the right columns."""
    assert len(served(2.0, 0.9).predict(pd.DataFrame({"image": []}))) == 0
    assert served(2.0, 0.9).predict(np.zeros((0, 2, 2, 1), np.uint8)).shape == (0, 3)


@pytest.mark.parametrize(("value", "words"), [(10**12, "got int"), (None, "got NoneType"), (b"no", "image 0 can't be")])
def test_what_is_no_image_is_an_error(value, words):
    """A number never becomes so many bytes of memory."""
    with pytest.raises(ValueError, match=words):
        served(None, None).predict(pd.DataFrame({"image": pd.Series([value], dtype=object)}))


def test_a_package_says_what_its_candidate_was_trained_with(tmp_path):
    """Size, classes, temperature and threshold: of the candidate and its evaluation, not of today's params.yaml."""
    (tmp_path / "model.keras").write_bytes(b"weights")
    record = {"classes": CLASSES, "inputs": {"images": {"normalize": NORMALIZE}}}
    without = about(Candidate(tmp_path, record), tmp_path)
    write_json(tmp_path / "calibration.json", {"temperature": 1.5, "threshold": 0.8, "wanted_precision": 0.99})
    told = about(Candidate(tmp_path, record), tmp_path)
    package(tmp_path / "package", Candidate(tmp_path, record), told)

    assert told == {"classes": CLASSES, "normalize": NORMALIZE, "temperature": 1.5, "threshold": 0.8}
    assert without == {**told, "temperature": None, "threshold": None}
    assert read_json(tmp_path / "package/data/about.json") == told
    assert (tmp_path / "package/data/model.keras").read_bytes() == b"weights"


def test_a_packaged_model_needs_nothing_that_does_not_travel():
    """Every module of ours that a packaged one imports is packaged, too."""
    travelling = {f"stages/core/{module}" for module in MODULES}
    imported = set()
    for path in travelling:
        for node in ast.walk(ast.parse((PROJECT / path).read_text())):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("stages"):
                base = str(node.module).replace(".", "/")
                names = [f"{base}.py", *(f"{base}/{alias.name}.py" for alias in node.names)]
                imported |= {name for name in names if (PROJECT / name).is_file()}

    assert imported - travelling <= EXPORTED


def float_tiff(value):
    """A float TIFF of one value."""
    stream = io.BytesIO()
    Image.fromarray(np.full((2, 2), value, np.float32)).save(stream, "tiff")
    return stream.getvalue()


def test_a_package_scales_wide_samples_by_the_range_of_its_training_set(tmp_path):
    """The range goes from the candidate's record into about.json; the image's own is never looked at."""
    record = {"classes": CLASSES, "inputs": {"images": {"normalize": NORMALIZE, "ranges": {"float32": [-1.0, 1.0]}}}}
    told = about(Candidate(tmp_path, record), tmp_path)
    write_json(tmp_path / "about.json", told)
    served = ServedModel(Fixed(ROWS), read_json(tmp_path / "about.json"))
    assert [served.pixels(float_tiff(value)).mean() for value in (-1.0, 0.0, 1.0, 7.0)] == [0, 128, 255, 255]


def test_a_package_of_8_bits_refuses_what_it_has_no_range_for(tmp_path):
    """And says nothing of ranges in about.json: its bytes are those of 0.1."""
    told = about(Candidate(tmp_path, {"classes": CLASSES, "inputs": {"images": {"normalize": NORMALIZE}}}), tmp_path)
    assert "ranges" not in told
    with pytest.raises(ValueError, match="image 0 can't be read: its samples are float32"):
        ServedModel(Fixed(ROWS), told).answers([float_tiff(0.5)])
