"""`imagetrail export` on a network of the digits: ONNX and TFLite say what evaluate kept, and their record is kept."""

import mlflow
import numpy as np
import pytest

from benchmarks.tampering import copied
from stages.core.errors import UserError
from stages.core.files import digest, read_json
from stages.core.serving.export_record import checked
from stages.core.serving.exporting import READERS, network_of
from tests.core.serving.asked import model


@pytest.mark.slow
def test_both_formats_agree_with_what_evaluate_kept(finished, tmp_path):
    """On every golden image within 1e-5, also when read back by hand; parity and latency stand in file, run and record."""
    project = type(finished)(copied(finished.root, tmp_path / "copy"))
    project.command("export", "plain")
    folder = project.root / "reports/exports/plain"
    told, key = (
        read_json(folder / "export.json"),
        read_json(project.root / "data/candidates/plain/candidate.json")["key"],
    )
    images = np.load(project.root / "data/images/test.npy")[:7]
    said = [READERS[kind](folder / f"model.{kind}", 1)(np.asarray(images)) for kind in ("onnx", "tflite")]

    assert told["onnx"]["parity"]["n_images"] == len(read_json(project.root / "reports/candidates/plain/golden.json"))
    assert all(told[kind]["sha256"] == digest(folder / f"model.{kind}") for kind in ("onnx", "tflite"))
    np.testing.assert_allclose(said[0], said[1], atol=1e-5)
    assert read_json(project.root / f"reports/runs/{key}.json")["exports"] == told
    run_id = read_json(project.root / f"reports/runs/{key}.json")["mlflow_run_id"]
    metrics = mlflow.MlflowClient(f"sqlite:///{project.root}/mlflow.db").get_run(run_id).data.metrics
    assert metrics["export/tflite_latency_ms"] == told["tflite"]["latency_ms"]


def test_what_says_something_else_is_no_export(tmp_path):
    """Another label, another probability, and NaN, which compares as nothing."""
    expected = np.array([[0.9, 0.1], [0.2, 0.8]])
    images = np.zeros((2, 1, 1, 1), np.uint8)

    def saying(rows):
        answers = iter(np.array(rows)[:, None])
        return lambda _: next(answers)

    assert checked(saying(expected), images, expected, tmp_path)["max_difference"] == 0
    for rows in ([[0.1, 0.9], [0.2, 0.8]], [[0.9001, 0.0999], [0.2, 0.8]], [[np.nan, 0.1], [0.2, 0.8]]):
        with pytest.raises(UserError, match="does not say what evaluate kept"):
            checked(saying(rows), images, expected, tmp_path)


def test_only_a_network_can_be_exported():
    """A head or an ensemble is a sentence."""
    with pytest.raises(UserError, match="only a network can be exported"):
        network_of(model())
