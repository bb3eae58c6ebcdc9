"""Several seeds and the last fit: what a candidate holds, what is measured of it, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.candidates.candidate import read_candidate
from stages.core.errors import UserError
from stages.core.evaluating.answers import read_answers
from stages.core.evaluating.evaluation import evaluate
from stages.core.evaluating.significance import mean_interval
from stages.core.images.packs import Joined, Pack, Statistics, joined
from stages.core.layout import PROJECT
from stages.core.settings.entries import entry
from stages.core.settings.params import check, load, read_yaml
from stages.core.settings.search_space import applied
from stages.core.training.data import Data
from stages.core.training.making import Silent, Task, make
from stages.core.training.refitting import as_trained, kept_epoch, refit

WRITTEN = read_yaml(PROJECT / "params.yaml")
PLAIN = WRITTEN["models"]["plain"]
SMALL = {"fit.epochs": 2, "fit.early_stopping": None, "fit.keep": "last", "fit.batch_size": 16}


def pack(n, seed):
    """Dark and light images of 8 x 8, hard to tell apart."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    images = (rng.random((n, 8, 8, 1)) * 150 + labels[:, None, None, None] * 12).astype(np.uint8)
    return Pack(images, labels, [f"{seed}-{i}.png" for i in range(n)])


@pytest.fixture(scope="module")
def data():
    return Data(pack(96, 1), pack(48, 2), pack(40, 3), ["dark", "light"], Statistics([90.0], [3000.0]))


def made(folder, data, **changes):
    """Train the plain entry with other values; returns the candidate, its timing and its metrics."""
    item = entry("models", "plain", applied(PLAIN, {**SMALL, **changes}))
    record = {"name": "plain", "key": "k", "stage": "train", "params": item.written}
    candidate, timing = make(folder / "candidate", Task(item, record, data, Silent()))
    options = load(PROJECT / "params.yaml").tree.evaluate.model_copy(update={"bootstrap": 5})
    (folder / "evaluation").mkdir()
    return candidate, timing, evaluate(candidate, options, folder / "evaluation")


@pytest.mark.slow
def test_each_seed_is_a_training_of_its_own(data, tmp_path_factory):
    """The first is the candidate, byte for byte as if it were alone; the others leave curves and predictions."""
    one, three = (tmp_path_factory.mktemp(name) for name in ("one", "three"))
    alone, _, _ = made(one, data, **{"fit.seeds": [2]})
    several, timing, metrics = made(three, data, **{"fit.seeds": [2, 1, 3]})
    tables = several.repeats
    values = pd.read_csv(three / "evaluation/seeds.csv")
    of_val = values[values["split"] == "val"]

    for name in ("model.keras", "history.csv", "predictions.parquet"):
        assert alone.record["outputs"][name] == several.record["outputs"][name], name
    assert several.record["seeds"] == [2, 1, 3] and list(of_val["seed"]) == [2, 1, 3]
    assert {"seeds/1/history.csv", "seeds/3/predictions.parquet"} <= set(several.record["outputs"])
    assert len(tables) == 3 and not tables[0].equals(tables[1]) and tables[0]["path"].equals(tables[2]["path"])
    assert [one["seed"] for one in timing["seeds"]] == [2, 1, 3]
    assert all(one["train_cpu_s"] > 0 and len(one["epoch_cpu_s"]) == 2 for one in timing["seeds"])
    assert metrics["n_seeds"] == 3
    assert metrics["val_log_loss_mean"] == pytest.approx(of_val["log_loss"].mean(), rel=1e-4)
    low, high = mean_interval(of_val["log_loss"].to_numpy(), 0.95)
    assert metrics["val_log_loss_mean_low"] == pytest.approx(low, abs=1e-4)
    assert metrics["val_log_loss_mean_high"] == pytest.approx(high, abs=1e-4)
    answers = read_answers(three / "evaluation", "val", 2)
    hits = (answers.predicted == answers.truth).mean(axis=1)
    assert hits == pytest.approx(of_val["accuracy"].to_numpy(), abs=1e-5)


@pytest.mark.slow
def test_one_seed_has_no_interval_over_seeds(data, tmp_path):
    """A mean of one says nothing about chance."""
    candidate, _, metrics = made(tmp_path, data)

    assert metrics["n_seeds"] == 1 and not [name for name in metrics if "_mean" in name]
    assert not (candidate.folder / "seeds").exists()


@pytest.mark.slow
def test_a_failing_seed_fails_the_candidate_and_is_named(data, tmp_path, monkeypatch):
    """Nothing but the failure is left: a mean over the seeds that went well would flatter."""
    from stages.core.training import fitting

    train = fitting.train

    def fails_at_2(model, fit, *rest):
        if fit.seed == 2:
            raise fitting.TrainingFailed("the loss became NaN or infinite at epoch 1, step 3")
        return train(model, fit, *rest)

    monkeypatch.setattr(fitting, "train", fails_at_2)
    candidate, _, metrics = made(tmp_path, data, **{"fit.seeds": [1, 2]})

    assert candidate.failure == "models.plain: with seed 2: the loss became NaN or infinite at epoch 1, step 3"
    assert set(candidate.record["outputs"]) == {"history.csv"} and metrics == {}
    assert not (candidate.folder / "seeds").exists() and not (candidate.folder / "model.keras").exists()


@pytest.mark.slow
def test_a_last_fit_sees_both_splits_and_is_measured_on_test_alone(data, tmp_path):
    """144 images an epoch, statistics as they were, no validation in curves, predictions or metrics."""
    candidate, _, metrics = made(tmp_path, data, **{"fit.on": "train+val"})
    counts = candidate.record["balance"]["classes"]

    assert sum(row["n_images"] for row in counts.values()) == 144
    assert set(candidate.predictions["split"]) == {"test"}
    assert not [name for name in candidate.history if name.startswith("val_")]
    assert "test_accuracy" in metrics and not [name for name in metrics if name.startswith("val_")]


@pytest.mark.slow
def test_a_last_fit_without_test_images_is_a_model_without_measures(data, tmp_path):
    """It is no failure: there is nothing left to measure on."""
    nothing = Data(data.train, data.val, None, data.classes, data.statistics)
    candidate, _, metrics = made(tmp_path, nothing, **{"fit.on": "train+val"})

    assert candidate.failure is None and "model.keras" in candidate.record["outputs"]
    assert set(metrics) == {"n_parameters", "multiply_adds", "model_bytes", "n_epochs", "n_seeds"}
    assert read_candidate(candidate.folder).repeats == []


@given(st.integers(1, 9), st.integers(1, 9), st.data())
def test_two_packs_read_as_one(n, m, chosen):
    """Any rows, in any order, and any slice are those of both arrays one after the other."""
    rng = np.random.default_rng(n * 10 + m)
    first, second = (rng.integers(0, 256, (k, 2, 3, 1), np.uint8) for k in (n, m))
    whole, both = np.concatenate([first, second]), Joined(first, second)
    rows = np.array(chosen.draw(st.lists(st.integers(0, n + m - 1), max_size=12)), np.int64)
    part = slice(*sorted(chosen.draw(st.tuples(st.integers(0, 20), st.integers(0, 20)))))

    assert both.shape == whole.shape and len(both) == len(whole) and both.dtype == np.uint8
    assert (both[rows] == whole[rows]).all() and (both[part] == whole[part]).all()


def test_joining_reads_no_image(tmp_path):
    """Memory maps stay on disk: only the rows that are asked for come back, as a copy."""
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", np.zeros((5, 2, 2, 1), np.uint8))
    maps = [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("a", "b")]
    both = joined(*(Pack(images, np.arange(5), list("abcde")) for images in maps))

    assert both.images.first is maps[0] and both.images.second is maps[1]
    assert type(both.images[np.array([4, 5])]) is np.ndarray
    assert list(both.labels) == [0, 1, 2, 3, 4] * 2 and both.paths == list("abcde") * 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": [1, 1]}, "models.plain.fit.seeds: a seed can stand there once, got [1, 1]"),
        ({"seeds": []}, "models.plain.fit.seeds must have at least 1 item, got []"),
        ({"on": "val"}, "models.plain.fit.on must be one of train, train+val, got 'val'"),
        (
            {"on": "train+val", "keep": "best", "early_stopping": None},
            "models.plain.fit: on: train+val leaves no images to validate on, which keep: best would need; "
            "set keep: last, early_stopping: null and reduce_on_plateau: null",
        ),
        (
            {
                "on": "train+val",
                "keep": "last",
                "early_stopping": {"monitor": "val_loss", "patience": 3},
                "reduce_on_plateau": {"factor": 0.5, "patience": 3},
            },
            "models.plain.fit: on: train+val leaves no images to validate on, which early_stopping and "
            "reduce_on_plateau would need; set keep: last, early_stopping: null and reduce_on_plateau: null",
        ),
    ],
)
def test_a_contradiction_is_one_sentence(changes, message):
    """With its place and its cure."""
    plain = {**PLAIN, "fit": {**PLAIN["fit"], "schedule": {**PLAIN["fit"]["schedule"], "name": "constant"}, **changes}}
    with pytest.raises(UserError) as error:
        check({**WRITTEN, "models": {"plain": plain}, "tune": {}})

    assert str(error.value) == f"params.yaml: {message}"


HISTORY = pd.DataFrame({"epoch": [1, 2, 3, 4], "val_loss": [3, 1, 2, 1], "val_accuracy": [0.1, 0.2, 0.4, 0.4]})


@pytest.mark.parametrize(
    ("keep", "stopping", "epoch"),
    [
        ("last", None, 4),
        ("best", None, 3),
        ("best", {"monitor": "val_loss", "patience": 9}, 2),
        ("best", {"monitor": "val_accuracy", "patience": 9}, 3),
        ("last", {"monitor": "val_loss", "patience": 9}, 4),
    ],
)
def test_a_refit_trains_as_long_as_the_weights_that_were_kept(keep, stopping, epoch):
    """The first of equally good epochs, by what stopped it; nothing of validation is asked any more."""
    fit = {**PLAIN["fit"], "keep": keep, "early_stopping": stopping, "seeds": [7, 8]}
    again = refit("plain", {**PLAIN, "fit": fit}, HISTORY)["fit"]

    assert kept_epoch(fit, HISTORY) == epoch == again["epochs"]
    assert (again["on"], again["seeds"], again["keep"], again["early_stopping"]) == ("train+val", [7], "last", None)
    entry("models", "plain_refit", {**PLAIN, "fit": again})


def test_a_refit_takes_what_the_search_found():
    """The base entry with the settings; refused when params.yaml has changed since the search."""
    params = {**PLAIN, "runtime": {}}
    again = as_trained("plain-tuned", PLAIN, params, {"fit.optimizer.rate": 0.5, "fit.seeds": [9]})

    assert again["fit"]["optimizer"]["rate"] == 0.5 and again["fit"]["seeds"] == [9]
    with pytest.raises(UserError, match="plain was trained with another l2 than params"):
        as_trained("plain", {**PLAIN, "l2": 0.3}, params, {})
