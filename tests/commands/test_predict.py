"""`imagetrail predict` and `serve` on the models of the digits: it agrees with evaluate and with the package, and what it says of mistakes."""

import json
import signal
import subprocess
import sys
import zipfile
from contextlib import contextmanager

import mlflow
import numpy as np
import pandas as pd
import pytest
import requests
from PIL import Image

from stages.core.candidates.calibrated import calibrated, read_calibration
from stages.core.files import read_json
from tests import forking

pytestmark = pytest.mark.slow


def predicted(project, *arguments, code=0):
    """Run the command, expect an exit code; rows of its JSON, and stderr."""
    done = project.command("predict", *map(str, arguments), "--format", "json", "--top", "10", ok=False)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout), done.stderr


def table(rows, classes):
    """Probabilities [N, K] of rows that name every class."""
    said = [{one["label"]: one["confidence"] for one in row["top"]} for row in rows]
    return np.array([[row[name] for name in classes] for row in said])


@pytest.fixture(scope="module")
def asked(finished, tmp_path_factory):
    """Images of the test split as a folder, and what evaluate measured of them for `plain`: probabilities [N, K]."""
    predictions = pd.read_parquet(finished.root / "data/candidates/plain/predictions.parquet")
    rows = predictions[predictions["split"] == "test"].sort_values("path").iloc[:80]
    folder = tmp_path_factory.mktemp("asked") / "new"
    folder.mkdir()
    with zipfile.ZipFile(finished.root / "data/source/images.zip") as archive:
        for path in rows["path"]:
            (folder / path.replace("/", "_")).write_bytes(archive.read(path))
    temperature = read_calibration(finished.root / "reports/candidates/plain").temperature
    return (
        folder,
        calibrated(rows.filter(like="p.").to_numpy(), temperature),
        list(rows.filter(like="p.").columns.str[2:]),
    )


def test_predict_package_and_evaluate_agree(finished, asked):
    """By name, by file, by run and by the logged model, which MLflow alone opens: within 1e-5, calibrated."""
    folder, expected, classes = asked
    key = read_json(finished.root / "data/candidates/plain/candidate.json")["key"]
    run_id = read_json(finished.root / f"reports/runs/{key}.json")["mlflow_run_id"]
    client = mlflow.MlflowClient(f"sqlite:///{finished.root}/mlflow.db")
    run = client.get_run(run_id)
    models = [client.get_logged_model(output.model_id) for output in run.outputs.model_outputs]
    packaged = next(model for model in models if model.name == "model_from_files")
    ways = ["plain", finished.root / "data/candidates/plain/model.keras", run_id, f"models:/{packaged.model_id}"]

    for way in [*ways, packaged.artifact_location.removeprefix("file://")]:
        rows, _ = predicted(finished, way, folder)
        np.testing.assert_allclose(table(rows, classes), expected, atol=1e-5)
    threshold = read_calibration(finished.root / "reports/candidates/plain").threshold
    assert [row["sure"] for row in rows] == [
        None if threshold is None else row["confidence"] >= threshold for row in rows
    ]


def test_the_champion_answers_where_none_is_named(finished, asked):
    """Left out, the model is the champion; an archive is read inside."""
    champion = read_json(finished.root / "reports/champion.json")["candidate"]
    rows, said = predicted(finished, asked[0])
    with zipfile.ZipFile(asked[0].parent / "new.zip", "w") as archive:
        for path in sorted(asked[0].iterdir()):
            archive.write(path, path.name)
    packed, _ = predicted(finished, champion, asked[0].parent / "new.zip")

    assert f"asking {champion}" in said
    assert [row["top"] for row in packed] == [row["top"] for row in rows]


def test_unreadable_images_are_rows_and_exit_code_3(finished, asked, tmp_path):
    """One damaged among good ones: told in the output, on stderr and by the exit code; the sheet lists it."""
    Image.new("L", (8, 8)).save(tmp_path / "good.png")
    (tmp_path / "<img>.png").write_bytes(b"no image")
    rows, said = predicted(finished, "plain", tmp_path, "--sheet", tmp_path / "sheet.html", code=3)

    assert [row["label"] is None for row in rows] == [True, False] and "can be read" in rows[0]["error"]
    assert "unreadable: 1 of 2 images" in said and "<img>.png" in said
    assert "&lt;img&gt;.png" in (tmp_path / "sheet.html").read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["plian", "params.yaml"], "did you mean plain?"),
        (["plain"], "name images after it"),
        (["gone.png"], "no such file, folder or archive"),
        (["plain", "params.yaml", "--out", "x.txt"], "must end in"),
        (["plain", "params.yaml", "--format", "parquet"], "--out FILE.parquet"),
        (["plain", "params.yaml", "--sheet", "x.pdf"], r"must end in .png or .html"),
        (["plain", "params.yaml", "--top", "0"], "at least 1"),
        (["models:/nobody@champion", "params.yaml"], "models:/nobody@champion"),
    ],
)
def test_mistakes_are_a_sentence(finished, words, said):
    """Exit code 1, no traceback."""
    done = finished.command("predict", *words, ok=False)

    assert done.returncode == 1 and done.stderr.startswith("error: ") and said in done.stderr
    assert "Traceback" not in done.stderr


@contextmanager
def serving(project, *arguments):
    """`imagetrail serve` as a process; yields its address once it says it, and ends it as Ctrl-C does."""
    command = [forking.client_of(sys.executable), "-m", "stages.commands", "serve", *arguments, "--port", "0"]
    process = subprocess.Popen(command, cwd=project.root, stderr=subprocess.PIPE, text=True)
    try:
        line = next(line for line in process.stderr if line.startswith("serve:") or "error" in line)
        yield line.split(" at ")[1].split()[0]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
    assert process.returncode == 0


def test_the_server_answers_as_evaluate_measured(finished, asked):
    """Raw bytes over HTTP: within 1e-5 of the calibrated probabilities; Ctrl-C ends it with 0."""
    folder, expected, classes = asked
    with serving(finished, "plain") as address:
        rows = [
            requests.post(
                f"{address}/invocations", data=path.read_bytes(), headers={"Content-Type": "image/png"}, timeout=60
            ).json()
            for path in sorted(folder.iterdir())
        ]
        taken = finished.command("serve", "plain", "--port", address.rpartition(":")[2], ok=False)

    said = [[row["predictions"][0][f"p.{name}"] for name in classes] for row in rows]
    np.testing.assert_allclose(said, expected, atol=1e-5)
    assert taken.returncode == 1 and "is taken; name another --port" in taken.stderr
