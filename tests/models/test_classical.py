"""Kind `classical`: a candidate like any other, made without TensorFlow, the same bytes twice."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

from stages.core.errors import UserError
from stages.core.heads.head_making import make_head, rows_used
from stages.core.images.packs import Pack, Statistics
from stages.core.settings.entries import entry
from stages.core.training.data import Data
from stages.core.training.feature_files import Features
from tests.forking import COLD

METHODS = {
    "svm": {"name": "svm", "kernel": "rbf", "c": 10.0, "gamma": None, "calibration_folds": 3},
    "logistic_regression": {"name": "logistic_regression", "c": 1.0, "iterations": 300},
    "random_forest": {"name": "random_forest", "trees": 8, "depth": 6, "min_leaf": 1},
    "gradient_boosting": {
        "name": "gradient_boosting", "rounds": 4, "rate": 0.3, "leaves": 6, "min_leaf": 5, "l2": 0.0,
    },
}  # fmt: skip
CLASSES = ["cat", "dog", "eel"]
RECORD = {"name": "tried", "key": "k", "params": {}}


def written(method="svm", **changes):
    """An entry of params.yaml."""
    fit = {"seeds": [1], "on": "train", "balance": "none"} | changes.pop("fit", {})
    method = METHODS[method] if isinstance(method, str) else method
    base = {"kind": "classical", "input": "images", "method": method, "pca": None, "max_train_images": None}
    return entry("models", "tried", {**base, **changes, "fit": fit})


def pack(n, seed):
    labels = np.arange(n) % 3
    noise = np.random.default_rng(seed).integers(0, 90, (n, 6, 6, 1))
    return Pack(
        (noise + labels[:, None, None, None] * 60).astype(np.uint8), labels, [f"{seed}-{i}.png" for i in range(n)]
    )


@pytest.fixture(scope="module")
def data():
    return Data(pack(120, 1), pack(45, 2), pack(45, 3), CLASSES, Statistics([90.0], [3000.0]))


@pytest.mark.parametrize("method", METHODS)
def test_each_method_is_a_candidate_that_repeats(method, data, tmp_path):
    """The same files with the same bytes twice; it learns; predictions are calibrated float32 of val and test."""
    one, _ = make_head(tmp_path / "one", written(method), RECORD, data, 1)
    make_head(tmp_path / "two", written(method), RECORD, data, 1)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    table = one.predictions
    said = table.filter(like="p.").to_numpy()

    assert names == ["candidate.json", "head.skops", "history.csv", "predictions.parquet"]
    assert all((tmp_path / "one" / n).read_bytes() == (tmp_path / "two" / n).read_bytes() for n in names)
    assert one.failure is None and set(one.record["outputs"]) == set(names) - {"candidate.json"}
    assert one.record["n_parameters"] > 0 and one.record["multiply_adds"] > 0
    assert said.dtype == np.float32 and list(table["split"].value_counts()) == [45, 45]
    assert one.history["val_accuracy"].iloc[0] > 0.9


def test_what_is_learned_before_the_method_is_learned_from_train_alone(data, tmp_path):
    """Other validation and test images change no byte of the head: scaling and components are of the train images."""
    other = Data(data.train, pack(45, 7), pack(45, 8), CLASSES, data.statistics)
    for name, seen in (("one", data), ("two", other)):
        make_head(tmp_path / name, written(pca=5), RECORD, seen, 1)

    assert (tmp_path / "one/head.skops").read_bytes() == (tmp_path / "two/head.skops").read_bytes()


def test_of_many_images_a_fair_share_is_used(data, tmp_path):
    """30 of 120: ten of each class, sorted, drawn by the seed, and recorded."""
    few = written(max_train_images=30)
    rows = rows_used(few, data)
    made, _ = make_head(tmp_path / "few", few, RECORD, data, 1)

    assert list(np.bincount(data.train.labels[rows])) == [10, 10, 10] and (np.diff(rows) > 0).all()
    assert not np.array_equal(rows, rows_used(written(max_train_images=30, fit={"seeds": [2]}), data))
    assert made.record["n_train_images"] == 30


def test_too_few_images_are_a_candidate_that_says_so(data, tmp_path):
    """Two images for three classes; more components than pixels: failed, with the reason, and no model."""
    for name, changes, message in (
        ("few", {"max_train_images": 2}, "max_train_images = 2 leaves no image of 'dog'"),
        ("wide", {"pca": 50}, "n_components=50"),
    ):
        made, _ = make_head(tmp_path / name, written(**changes), RECORD, data, 1)
        assert message in made.failure and not (tmp_path / name / "head.skops").exists()


def test_each_seed_is_a_fit(data, tmp_path):
    """The first is the model, the others leave history and predictions."""
    made, timing = make_head(tmp_path / "c", written("random_forest", fit={"seeds": [1, 2]}), RECORD, data, 1)

    assert len(made.repeats) == 2 and not made.repeats[0].equals(made.repeats[1])
    assert (tmp_path / "c/seeds/2/history.csv").exists() and [row["seed"] for row in timing["seeds"]] == [1, 2]


def test_a_last_fit_leaves_no_validation(data, tmp_path):
    """fit.on: train+val predicts test alone."""
    made, _ = make_head(tmp_path / "c", written(fit={"on": "train+val"}), RECORD, data, 1)

    assert set(made.predictions["split"]) == {"test"} and "val_loss" not in made.history


def test_a_weight_of_classes_changes_the_fit(tmp_path):
    """class_weight is not silently ignored, and the record says the weights."""
    rare = pack(120, 1)
    noise = np.random.default_rng(5).integers(0, 256, rare.images.shape).astype(np.uint8)
    rare = Pack(noise, rare.labels, rare.paths)  # nothing to tell the classes by, so their weights decide
    keep = (rare.labels != 2) | (np.arange(120) < 20)
    train = Pack(rare.images[keep], rare.labels[keep], [p for p, k in zip(rare.paths, keep, strict=True) if k])
    seen = Data(train, pack(45, 2), None, CLASSES, Statistics([90.0], [3000.0]))
    made = [
        make_head(tmp_path / b, written("logistic_regression", fit={"balance": b}), RECORD, seen, 1)[0]
        for b in ("none", "class_weight")
    ]

    assert not made[0].predictions.equals(made[1].predictions)
    weights = made[1].record["balance"]["classes"]
    assert weights["eel"]["weight"] > weights["cat"]["weight"]


@pytest.mark.slow
def test_features_are_fitted_and_images_answered(data, tmp_path):
    """On stored features the backbone goes along: from raw images the model answers as from the features."""
    import keras

    from stages.core.candidates import model_file
    from stages.core.candidates.predictor import load_predictor

    inputs = keras.Input((6, 6, 1), dtype="uint8")
    backbone = keras.Model(inputs, keras.layers.AveragePooling2D(2)(keras.layers.Rescaling(1 / 255)(inputs)))
    model_file.save(backbone, tmp_path / "backbone.keras")
    splits = {name: np.asarray(backbone(getattr(data, name).images)) for name in ("train", "val", "test")}
    seen = Data(
        data.train, data.val, data.test, CLASSES, data.statistics,
        features=Features("pool", tmp_path / "backbone.keras", (3, 3, 1), splits),
    )  # fmt: skip
    made, _ = make_head(tmp_path / "c", written(input="features/pool"), RECORD, seen, 1)
    recorded = made.predictions.query("split == 'val'").filter(like="p.").to_numpy()

    np.testing.assert_allclose(load_predictor(tmp_path / "c").predict(data.val.images), recorded, atol=1e-5)
    assert {"head.skops", "model.keras"} <= set(made.record["outputs"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": {**METHODS["svm"], "name": "sv"}}, "models.tried.method.name must be one of svm"),
        ({"method": {**METHODS["svm"], "c": 0.0}}, "models.tried.method.c must be above 0, got 0.0"),
        ({"method": {**METHODS["svm"], "trees": 3}}, "models.tried.method.trees is not known"),
        ({"method": {"kernel": "rbf"}}, "models.tried.method.name is missing"),
        ({"method": {**METHODS["svm"], "kernel": "linear", "gamma": 0.1}}, "a linear kernel takes no gamma"),
        ({"fit": {"epochs": 3}}, "models.tried.fit.epochs is not known"),
        ({"fit": {"seeds": [1, 1]}}, "a seed can stand there once"),
    ],
)
def test_mistakes_are_sentences(changes, message):
    """What is wrong in a method or its fit names its place and what would be right."""
    with pytest.raises(UserError) as error:
        written(**changes)
    assert message in str(error.value), str(error.value)


@pytest.mark.slow
def test_pixels_need_no_tensorflow(project):
    """The stage `train` of a classical entry on pixels imports neither TensorFlow nor Keras."""
    params = project.params()
    own = {"kind": "classical", "input": "images", "method": METHODS["svm"], "pca": None, "max_train_images": None}
    params["models"]["svm"] = own | {"fit": {"seeds": [1], "on": "train", "balance": "none"}}
    project.write_params(params)
    for node in ("download", "validate", "normalize"):
        project.stage(node)
    code = "import sys; from stages.train import main; main('svm'); print([m for m in sys.modules if m in ('tensorflow', 'keras')])"
    done = project.run(sys.executable, "-c", code, MLFLOW_TRACKING_URI="http://127.0.0.1:9", **{COLD: "1"})
    record = json.loads((project.root / "data/candidates/svm/candidate.json").read_text())
    predictions = pd.read_parquet(project.root / "data/candidates/svm/predictions.parquet")

    assert done.stdout.strip() == "[]" and record["failure"] is None
    assert {"head.skops", "reference.npz"} <= set(record["outputs"]) and set(predictions["split"]) == {"val", "test"}
