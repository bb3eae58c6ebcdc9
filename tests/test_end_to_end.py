"""`dvc repro` on the embedded data: what is there afterwards, on disk, in MLflow and on the report page."""

import io
import json
import shutil
import sqlite3
import sys

import mlflow
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages.core.candidates.calibrated import calibrated, read_calibration
from stages.core.files import read_json
from stages.core.plain_text import in_markdown
from stages.core.settings.search_space import dimensions, get

pytestmark = pytest.mark.slow
CANDIDATES = ["plain", "residual", "plain-tuned"]


@pytest.fixture(scope="module")
def client(finished):
    mlflow.set_tracking_uri(f"sqlite:///{finished.root}/mlflow.db")
    return mlflow.MlflowClient()


@pytest.fixture(scope="module")
def runs(client):
    """All runs of the experiment, by name."""
    experiment = client.get_experiment_by_name("digits")
    return {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


@pytest.fixture
def copied(finished, tmp_path):
    """A finished project that a test may change."""
    folder = tmp_path / "copy"
    shutil.copytree(finished.root, folder, symlinks=True)
    return type(finished)(folder)


def stages_run(done):
    """Names of the stages that DVC ran."""
    return [line.split("'")[1] for line in done.stdout.splitlines() if line.startswith("Running stage")]


def test_the_leaderboard_ranks_by_validation(finished):
    """Its first columns are the agreed ones, its order is validation's, and the champion says why it is champion."""
    table = pd.read_csv(finished.root / "reports/leaderboard.csv")

    first = ["candidate", "val_accuracy", "test_accuracy", "test_accuracy_low", "test_accuracy_high"]
    assert list(table.columns[:5]) == first and set(table["candidate"]) == set(CANDIDATES)
    assert table["val_accuracy"][1:].is_monotonic_decreasing  # row 1 is the champion
    assert table["candidate"][0] == read_json(finished.root / "reports/champion.json")["candidate"]
    assert (table["test_accuracy"].between(table["test_accuracy_low"], table["test_accuracy_high"])).all()
    chosen = read_json(finished.root / "reports/champion.json")
    rivals = {rival["candidate"]: rival for rival in chosen["compared"]}
    assert chosen["leader"] == table.loc[table["val_accuracy"].idxmax(), "candidate"]
    assert set(rivals) == set(CANDIDATES) - {chosen["leader"]}
    assert chosen["candidate"] == chosen["leader"] or not rivals[chosen["candidate"]]["beaten"]
    assert "right by A alone" in finished.command("compare", "plain", "residual").stdout
    assert f"{chosen['leader']} leads with a validation accuracy of" in chosen["why"][0]


@pytest.mark.parametrize("name", CANDIDATES)
def test_metrics_are_flat_and_true(finished, name):
    """metrics.json maps names to numbers, and its accuracy is that of the predictions table."""
    metrics = read_json(finished.root / f"reports/candidates/{name}/metrics.json")
    predictions = pd.read_parquet(finished.root / f"data/candidates/{name}/predictions.parquet")
    test = predictions[predictions["split"] == "test"]
    said = test.filter(like="p.").idxmax(axis=1).str.removeprefix("p.")

    assert all(isinstance(value, float | int) for value in metrics.values())
    assert metrics["test_accuracy"] == pytest.approx((said == test["label"]).mean())
    assert metrics["test_n_images"] == len(test) and 350 <= len(test) <= 370


def test_dvc_shows_a_few_numbers_and_every_plot(finished):
    """`dvc metrics show` is narrow, and each plot that dvc.yaml declares is drawn from a real run."""
    (numbers,) = json.loads(finished.run("dvc", "metrics", "show", "--json").stdout)[""]["data"].values()
    plots = json.loads(finished.run("dvc", "plots", "show", "--json").stdout)["data"]

    assert set(numbers["data"]["val"]) == set(CANDIDATES) and len(numbers["data"]) == 6
    assert numbers["data"]["champion"] == read_json(finished.root / "reports/champion.json")["candidate"]
    assert len(plots) == 10
    for name, (drawn, *_) in plots.items():
        assert name.endswith(".png") or drawn["content"]["data"]["values"], name


def test_others_are_told_of_data_and_champion(finished):
    """The description of the data and the card hold the hashes of manifest, images and model."""
    told = read_json(finished.root / "reports/croissant.json")
    hashes = {one["name"]: one.get("sha256") for one in told["distribution"]}
    card = (finished.root / "reports/model_card.md").read_text()
    chosen = read_json(finished.root / "reports/champion.json")

    assert hashes["images.zip"] == read_json(finished.root / "data/source/source.json")["images_zip_sha256"]
    assert f"name: {chosen['candidate']}\n" in card
    assert all(f"`{found}`" in card for found in (chosen["key"], chosen["model_sha256"], hashes["manifest.parquet"]))


def test_trial_1_is_the_entry_as_written(finished):
    """The search begins with what the user wrote, and its best trial is the one retrained."""
    params = finished.params()
    trials = pd.read_csv(finished.root / "data/candidates/plain-tuned/trials.csv")
    settings = read_json(finished.root / "data/candidates/plain-tuned/settings.json")

    for dimension in dimensions(params["tune"]["plain"]["space"], params["models"]["plain"]):
        assert trials.loc[0, dimension.name] == get(params["models"]["plain"], tuple(dimension.name.split(".")))
    assert settings["trial"] == trials.loc[trials["score"].idxmax(), "trial"]


def test_no_trial_has_seen_the_test_split(finished):
    """Predictions of a trial are of validation only."""
    for path in (finished.root / "data/candidates/plain-tuned/trials").glob("*/predictions.parquet"):
        assert set(pd.read_parquet(path)["split"]) == {"val"}


def test_every_run_is_in_mlflow_whole(client, runs, finished):
    """Candidates and trials have params, curves by step, final metrics and the confusion matrix, candidates its picture too."""
    assert set(runs) == {*CANDIDATES, "plain-trial-01", "plain-trial-02"}
    for name, run in runs.items():
        split = "val" if "trial" in name else "test"
        artifacts = {item.path for item in client.list_artifacts(run.info.run_id, "evaluation")}
        steps = [metric.step for metric in client.get_metric_history(run.info.run_id, "curve/val_accuracy")]
        assert run.info.status == "FINISHED"
        assert run.data.params["fit.optimizer.rate"] and run.data.params["kind"]
        assert steps == list(range(1, int(run.data.metrics["n_epochs"]) + 1))
        assert f"{split}_accuracy" in run.data.metrics
        forms = ("csv",) if "trial" in name else ("png", "csv")  # a trial has no pictures
        assert {f"evaluation/{split}_confusion_matrix.{end}" for end in forms} <= artifacts


def test_a_run_says_where_it_came_from(runs, finished):
    """The data set with its full hash, the verdict, the commit and DVC's hashes."""
    record = read_json(finished.root / "data/candidates/plain/candidate.json")
    lock = (finished.root / "dvc.lock").read_text()
    run = runs["plain"]
    (data,) = run.inputs.dataset_inputs

    assert run.data.tags["imagetrail.key"] == record["key"]
    assert run.data.tags["imagetrail.manifest_sha256"] == record["inputs"]["manifest_sha256"]
    assert {tag.key: tag.value for tag in data.tags}["manifest_sha256"] == record["inputs"]["manifest_sha256"]
    assert data.dataset.digest == run.data.tags["dvc.manifest_md5"] and data.dataset.digest in lock
    assert run.data.tags["imagetrail.verdict"] == "pass"
    assert run.data.tags["mlflow.source.git.commit"] == finished.run("git", "rev-parse", "HEAD").stdout.strip()


def test_trials_are_nested_below_their_search(runs):
    """Parent and children show the search in MLflow's table."""
    parent = runs["plain-tuned"].info.run_id

    assert runs["plain-trial-01"].data.tags["mlflow.parentRunId"] == parent
    assert "mlflow.parentRunId" not in runs["plain"].data.tags


def test_a_logged_model_answers_raw_images_and_image_files(client, runs, finished, monkeypatch):
    """Both packaged forms give the probabilities that evaluate measured, from uint8 arrays and from file bytes."""
    monkeypatch.setattr(sys, "path", list(sys.path))  # MLflow puts the model's own code first, for later tests as well
    images = np.load(finished.root / "data/images/test.npy")[:5]
    predictions = pd.read_parquet(finished.root / "data/candidates/plain/predictions.parquet")
    raw = predictions[predictions["split"] == "test"].filter(like="p.")[:5].to_numpy()
    recorded = calibrated(raw, read_calibration(finished.root / "reports/candidates/plain").temperature)
    ids = [output.model_id for output in runs["plain"].outputs.model_outputs]
    models = {client.get_logged_model(key).name: mlflow.pyfunc.load_model(f"models:/{key}") for key in ids}

    assert set(models) == {"model", "model_from_files"}
    np.testing.assert_allclose(models["model"].predict(images), recorded, atol=1e-5)
    files = pd.DataFrame({"image": [png(image) for image in images]})
    answer = models["model_from_files"].predict(files)
    assert list(answer["label"]) == [str(i) for i in recorded.argmax(axis=1)]
    np.testing.assert_allclose(answer["confidence"], recorded.max(axis=1), atol=1e-5)


def png(image):
    stream = io.BytesIO()
    Image.fromarray(image[..., 0]).save(stream, "png")
    return stream.getvalue()


def test_a_second_repro_runs_nothing(copied):
    """Nothing changed, nothing is done."""
    assert stages_run(copied.run("dvc", "repro")) == []


def test_one_changed_rate_runs_what_depends_on_it(copied):
    """A changed entry re-trains itself (and the search around it), not its neighbours."""
    params = copied.params()
    params["models"]["residual"]["fit"]["optimizer"]["rate"] = 0.05
    copied.write_params(params)

    assert stages_run(copied.run("dvc", "repro")) == ["train@residual", "evaluate@residual", "report"]


def test_an_edited_kind_runs_its_entries_only(copied):
    """A changed architecture re-trains the entries of that kind."""
    path = copied.root / "stages/models/residual_cnn.py"
    path.write_text(path.read_text() + "\n# a change\n")
    status = json.loads(copied.run("dvc", "status", "--json").stdout)

    assert set(status) == {"train@residual", "tune@plain"}  # tune can only declare the folder of kinds


def test_a_deleted_store_is_completed_from_files(copied):
    """After mlflow.db is lost: dvc repro has nothing to do, sync makes every run whole again, once."""
    (copied.root / "mlflow.db").unlink()
    shutil.rmtree(copied.root / "mlruns")

    assert stages_run(copied.run("dvc", "repro")) == []
    assert "5 runs completed" in copied.command("sync").stderr
    with sqlite3.connect(copied.root / "mlflow.db") as store:
        assert store.execute("select count(*) from runs where status = 'FINISHED'").fetchone() == (5,)
        n_metrics = store.execute("select count(*) from metrics").fetchone()
    assert "0 runs completed" in copied.command("sync").stderr
    with sqlite3.connect(copied.root / "mlflow.db") as store:
        assert store.execute("select count(*) from metrics").fetchone() == n_metrics


def test_an_unreachable_store_does_not_stop_training(copied):
    """Training ends right with a warning; `imagetrail sync` tells that it could not."""
    away = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    done = copied.stage("train", "plain", **away)

    assert "warning: MLflow: not reachable" in done.stderr
    assert (copied.root / "data/candidates/plain/model.keras").exists()
    assert copied.command("sync", ok=False, **away).returncode == 1


def test_a_failed_model_stands_in_the_report_as_failed(copied):
    """Its reason is shown, the others are ranked, and the command ends non-zero."""
    params = copied.params()
    params["models"]["residual"]["fit"]["optimizer"]["rate"] = 1e30
    copied.write_params(params)
    done = copied.run("dvc", "repro", ok=False)
    table = pd.read_csv(copied.root / "reports/leaderboard.csv", keep_default_na=False)

    assert done.returncode != 0 and "models.residual: the loss became NaN or infinite at epoch" in done.stderr
    assert "lower models.residual.fit.optimizer.rate" in table.set_index("candidate")["failure"]["residual"]
    assert "failed" in (copied.root / "reports/index.html").read_text()
    assert read_json(copied.root / "reports/champion.json")["candidate"] != "residual"


def test_a_removed_entry_is_gone_from_the_report(copied):
    """The report shows exactly what params.yaml names, whatever lies on disk."""
    params = copied.params()
    del params["models"]["residual"]
    params["tune"] = {}
    copied.write_params(params)
    copied.run("dvc", "repro")

    assert list(pd.read_csv(copied.root / "reports/leaderboard.csv")["candidate"]) == ["plain"]
    assert (copied.root / "data/candidates/residual").exists()


def test_settings_found_are_taken_over_on_request(copied):
    """`imagetrail use --tuned` writes the search's settings, seed included, into params.yaml."""
    settings = read_json(copied.root / "data/candidates/plain-tuned/settings.json")["values"]
    copied.command("use", "--tuned", "plain")

    assert "fit.seeds" in settings
    for name, value in settings.items():
        assert get(copied.params()["models"]["plain"], tuple(name.split("."))) == value


def test_a_new_run_has_nothing_of_the_model_before_it(copied):
    """A re-trained entry is not shown with its predecessor's accuracy while it is not evaluated."""
    params = copied.params()
    params["models"]["residual"]["fit"]["optimizer"]["rate"] = 0.05
    copied.write_params(params)
    copied.run("dvc", "repro", "-s", "train@residual")
    with sqlite3.connect(copied.root / "mlflow.db") as store:
        (newest,) = store.execute("select run_uuid from runs order by start_time desc limit 1").fetchone()
        names = {name for (name,) in store.execute("select key from metrics where run_uuid = ?", (newest,))}

    assert "curve/val_accuracy" in names and "val_accuracy" not in names


def test_a_warning_of_the_gate_follows_the_data(copied):
    """It is printed, stands in both reports and is a tag on the run."""
    params = copied.params()
    params["checks"]["balanced"]["warn_ratio"] = 1.01
    copied.write_params(params)
    done = copied.run("dvc", "repro", "validate")
    copied.stage("report")
    copied.command("sync")
    copied.stage("train", "residual")
    with sqlite3.connect(copied.root / "mlflow.db") as store:
        found = store.execute("select value from tags where key = 'imagetrail.warnings'").fetchall()

    message = "checks.balanced.warn_ratio is 1.01"
    assert message in done.stderr
    assert in_markdown(message) in (copied.root / "reports/report.md").read_text()
    assert message in (copied.root / "reports/index.html").read_text()
    assert any(message in value for (value,) in found)


def test_a_packaged_model_needs_nothing_of_the_project(client, runs, finished, tmp_path):
    """In another folder and process, without our code on its path, it answers an image file."""
    (key,) = [
        o.model_id for o in runs["plain"].outputs.model_outputs if client.get_logged_model(o.model_id).name != "model"
    ]
    code = f"""
import mlflow, pandas as pd, sys
mlflow.set_tracking_uri("sqlite:///{finished.root}/mlflow.db")
model = mlflow.pyfunc.load_model("models:/{key}")
print(model.predict(pd.DataFrame({{"image": [open(sys.argv[1], "rb").read()]}}))["label"][0])
import stages
assert "/code/stages/" in stages.__file__, stages.__file__
"""
    (tmp_path / "one.png").write_bytes(png(np.load(finished.root / "data/images/test.npy")[0]))
    done = type(finished)(tmp_path).run(sys.executable, "-I", "-c", code, str(tmp_path / "one.png"))

    predictions = pd.read_parquet(finished.root / "data/candidates/plain/predictions.parquet")
    first = predictions[predictions["split"] == "test"].filter(like="p.").iloc[0]
    assert done.stdout.strip() == first.idxmax().removeprefix("p.")


def test_a_queued_experiment_lands_in_the_same_store(copied):
    """An experiment in a temporary copy logs its run, with its name, into the main checkout's store."""
    copied.run("dvc", "exp", "run", "--queue", "-n", "gentle", "-S", "models.residual.fit.optimizer.rate=0.01")
    copied.run("dvc", "exp", "run", "--run-all")
    with sqlite3.connect(copied.root / "mlflow.db") as store:
        names = {name for (name,) in store.execute("select name from runs")}

    assert "residual (gentle)" in names


def test_several_seeds_and_a_refit_stand_in_the_report_and_in_mlflow(copied):
    """An interval over seeds, a metric a seed, and a last fit that `imagetrail refit` wrote and validation can't judge."""
    params = copied.params()
    params["models"]["residual"]["fit"]["seeds"] = [1, 2]
    copied.write_params(params)
    copied.run("dvc", "repro")
    shown = copied.command("refit", "residual").stdout
    copied.run("dvc", "repro")
    table = pd.read_csv(copied.root / "reports/leaderboard.csv").set_index("candidate")
    with sqlite3.connect(copied.root / "mlflow.db") as store:
        steps = store.execute("select distinct step from metrics where key = 'seed/val_accuracy'").fetchall()

    assert "+  residual_refit:" in shown and "on: train+val" in shown
    assert table["n_seeds"]["residual"] == 2 and table["val_accuracy_mean"].notna()["residual"]
    assert sorted(steps) == [(1,), (2,)]
    assert table["note"]["residual_refit"] == "refit of residual" and pd.isna(table["val_accuracy"]["residual_refit"])
    assert "refit of residual" in (copied.root / "reports/index.html").read_text()
    assert not stages_run(copied.run("dvc", "repro"))
