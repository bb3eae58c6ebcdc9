"""The whole evaluation of a candidate: what it writes, and that it all follows from predictions and manifest."""

import json

import numpy as np
import pandas as pd
import pytest

from stages.core.candidates.calibrated import calibrated, read_calibration
from stages.core.candidates.candidate import Candidate
from stages.core.errors import UserError
from stages.core.evaluating.depth import evaluate_in_depth, facts_of
from stages.core.evaluating.gaps import gaps, train_accuracy
from stages.core.evaluating.golden import golden
from stages.core.evaluating.sheets import write_sheets
from stages.core.files import read_json, write_csv, write_json, write_parquet
from stages.core.images.decoding import decode
from tests.core.evaluating.cases import OPTIONS, answered, changed
from tests.core.governance.data_set import CLASSES, data_set, evaluated, record

BOTH = [
    "reliability.csv", "reliability.png", "roc.csv", "pr.csv", "risk_coverage.csv", "slices.csv", "per_class.csv",
    "confusion_matrix.csv", "confusion_matrix.png", "confusions.csv", "mistakes.csv", "answers.parquet",
    "mistakes.png", "confusions.png",
]  # fmt: skip
WHOLE = ["metrics.json", "calibration.json", "golden.json", "candidate.json", "history.csv", "seeds.csv"]


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    """A data set with a candidate that answers at random."""
    layout = data_set(tmp_path_factory.mktemp("pets"))
    return layout, evaluated(layout)


def test_everything_is_there(pets, tmp_path):
    """Each promised file exists for both splits, and every table but one can be read as numbers and texts."""
    layout, candidate = pets
    evaluate_in_depth(candidate, OPTIONS, layout.manifest, tmp_path)
    write_sheets(tmp_path, layout.archive, OPTIONS)

    expected = {*WHOLE, *(f"{split}_{name}" for split in ("val", "test") for name in BOTH)}
    assert {path.name for path in tmp_path.iterdir()} == expected
    for split in ("val", "test"):
        assert decode((tmp_path / f"{split}_mistakes.png").read_bytes()).pixels.shape[2] == 3


def test_it_repeats(pets, tmp_path):
    """Twice the same bytes, pictures included."""
    layout, candidate = pets
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        evaluate_in_depth(candidate, OPTIONS, layout.manifest, tmp_path / name)
        write_sheets(tmp_path / name, layout.archive, OPTIONS)

    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def made(folder, fit=None, sureness=3.0, history=None):
    """A candidate of 600 validation and 600 test images in four classes, and its manifest."""
    parts = []
    for split, seed in (("val", 1), ("test", 2)):
        outcome = answered(600, seed=seed, sureness=sureness)
        rows = pd.DataFrame(outcome.probabilities.astype(np.float32), columns=[f"p.{k}" for k in "abcd"])
        about = {
            "path": [f"{split}/{i}.png" for i in range(600)],
            "split": split,
            "label": ["abcd"[k] for k in outcome.truth],
        }
        parts.append(pd.DataFrame(about).join(rows))
    predictions = pd.concat(parts, ignore_index=True)
    texts = {"format": "PNG", "mode": "L", "flags": "", "group": None}
    facts = {"width": 8, "height": 8, "n_bytes": 90, "brightness": 9.0, "contrast": 9.0, "crispness": 0.5, **texts}
    manifest = predictions[["path", "split", "label"]].assign(sha256=[f"{i:064}" for i in range(1200)], **facts)
    folder.mkdir()
    write_parquet(folder / "manifest.parquet", manifest.sample(frac=1, random_state=1))
    write_parquet(folder / "predictions.parquet", predictions)
    write_csv(folder / "history.csv", history if history is not None else pd.DataFrame({"epoch": []}))
    about = {"name": "made", "failure": None, "seeds": [1], "classes": list("abcd"), "params": {"fit": fit or {}}}
    cost = {"n_parameters": 1, "multiply_adds": 1, "model_bytes": 1, "n_epochs": 1}
    write_json(folder / "candidate.json", {**about, **cost})
    return Candidate(folder, {**about, **cost})


@pytest.fixture(scope="module")
def sure(tmp_path_factory):
    """A candidate that is three times too sure, its evaluation, and its metrics."""
    folder = tmp_path_factory.mktemp("sure")
    candidate = made(folder / "candidate")
    (folder / "evaluation").mkdir()
    options = changed(wanted_precision=0.9)
    metrics = evaluate_in_depth(candidate, options, folder / "candidate/manifest.parquet", folder / "evaluation")
    return candidate, folder / "evaluation", metrics


def test_what_is_kept_with_the_model_is_what_was_measured(sure):
    """Temperature and threshold in calibration.json are those of metrics.json; the threshold gives the coverage."""
    candidate, folder, metrics = sure
    kept = read_calibration(folder)
    test = candidate.predictions.query("split == 'test'")
    told = calibrated(test.filter(like="p.").to_numpy(), kept.temperature)

    assert metrics == read_json(folder / "metrics.json")
    assert (kept.temperature, kept.threshold) == (metrics["temperature"], metrics["threshold"])
    assert (told.max(axis=1) >= kept.threshold).mean() == pytest.approx(metrics["test_coverage"])
    assert kept.wanted_precision == 0.9 <= metrics["val_answered_accuracy"]


def test_calibration_makes_confidence_honest_and_changes_no_answer(sure, tmp_path):
    """ECE and log loss fall, accuracy stays; switched off, the numbers are those of the raw probabilities."""
    candidate, _, metrics = sure
    raw = evaluate_in_depth(candidate, changed(temperature=False), candidate.folder / "manifest.parquet", tmp_path)

    assert read_calibration(tmp_path).temperature is None
    assert "temperature" not in raw
    for split in ("val", "test"):
        assert metrics[f"{split}_ece"] < metrics[f"{split}_ece_raw"] / 2 == raw[f"{split}_ece"] / 2
        assert metrics[f"{split}_log_loss"] < raw[f"{split}_log_loss"]
        assert metrics[f"{split}_accuracy"] == raw[f"{split}_accuracy"]


def test_golden_answers_are_those_of_the_model_as_it_is_told(sure):
    """A hundred test images over all classes, with the hash of their file, the label and calibrated probabilities."""
    candidate, folder, metrics = sure
    images = read_json(folder / "golden.json")
    table = candidate.predictions.set_index("path")
    raw = table.loc[[one["path"] for one in images]]
    told = calibrated(raw.filter(like="p.").to_numpy(), metrics["temperature"])

    assert len(images) == 100
    assert raw["label"].value_counts().tolist() == [25] * 4
    assert np.allclose([one["probabilities"] for one in images], told, atol=1e-6)
    assert [one["label"] for one in images] == ["abcd"[k] for k in told.argmax(axis=1)]
    assert [int(one["sha256"]) - 600 for one in images] == [int(one["path"][5:-4]) for one in images]


def test_golden_takes_validation_images_where_there_is_no_test():
    """And nothing at all where there is nothing."""
    rows = pd.DataFrame({"path": ["a", "b", "c"], "split": "val", "label": ["x", "x", "y"], "p.x": 1.0, "p.y": 0.0})

    assert [one["path"] for one in golden(rows, dict.fromkeys("abc", "0"), 2)] == ["a", "c"]
    assert golden(rows[:0], {}, 9) == []


HISTORY = pd.DataFrame(
    {"epoch": [1, 2, 3], "accuracy": [0.5, 0.9, 0.8], "val_loss": [3.0, 2, 1], "val_accuracy": [0.1, 0.7, 0.7]}
)


@pytest.mark.parametrize(
    "fit, expected",
    [
        ({"keep": "last", "early_stopping": None}, 0.8),
        ({"keep": "best", "early_stopping": None}, 0.9),
        ({"keep": "best", "early_stopping": {"monitor": "val_loss", "patience": 1}}, 0.8),
        ({}, 0.8),
    ],
)
def test_train_accuracy_is_that_of_the_epoch_that_was_kept(tmp_path, fit, expected):
    """The last one, or the first best by what early stopping watched."""
    assert train_accuracy(made(tmp_path / "c", fit, history=HISTORY)) == expected


def test_gaps_by_hand(tmp_path):
    """0.8 on train and 90 of 100 on validation is a gap of -0.1 with Wilson's bounds; 80 of 100 on test one of 0.1."""
    metrics = {"val_accuracy": 0.9, "val_accuracy_low": 0.82, "val_accuracy_high": 0.95, "val_n_images": 100.0}
    metrics |= {"test_accuracy": 0.8, "test_n_images": 100.0}

    got = gaps(made(tmp_path / "c", {}, history=HISTORY), metrics, 0.95)

    assert got["gap_train_val"] == pytest.approx(-0.1)
    assert (got["gap_train_val_low"], got["gap_train_val_high"]) == pytest.approx((-0.15, -0.02))
    assert got["gap_val_test"] == pytest.approx(0.1)
    assert got["gap_val_test_low"] < 0.1 < got["gap_val_test_high"]


def test_other_images_than_those_of_the_manifest_are_a_sentence(sure):
    """Predictions of an image that the manifest does not know are of other data."""
    candidate, _, _ = sure
    table = candidate.predictions
    table.loc[7, "path"] = "gone.png"

    with pytest.raises(UserError, match=r"has no row for gone.png, which was predicted; run `dvc repro`"):
        facts_of(table, candidate.folder / "manifest.parquet")


def test_a_failed_candidate_has_no_numbers(pets, tmp_path):
    """It leaves an empty metrics.json and its record, and no sheet."""
    layout, _ = pets
    folder = tmp_path / "failed"
    folder.mkdir()
    failed = Candidate(folder, {**record(layout, "failed", CLASSES), "failure": "the loss became NaN"})

    assert evaluate_in_depth(failed, OPTIONS, layout.manifest, folder) == {}
    write_sheets(folder, layout.archive, OPTIONS)
    assert json.loads((folder / "metrics.json").read_text()) == {}
    assert not list(folder.glob("*.png"))
