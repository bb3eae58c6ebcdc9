"""A predictor: one door to whatever predicts, and files that hold no code."""

import json
import zipfile

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline

from stages.core.candidates.model_files import model_files, needs_tensorflow
from stages.core.candidates.predictor import averaged, load_predictor, pixels
from stages.core.errors import UserError
from stages.core.heads import head_file, heads
from stages.core.settings.head_options import GradientBoosting, LogisticRegression, RandomForest, Svm

HEADS = {
    "svm": Svm(name="svm", kernel="rbf", c=1.0, gamma=None, calibration_folds=2),
    "linear": Svm(name="svm", kernel="linear", c=1.0, gamma=None, calibration_folds=2),
    "logistic_regression": LogisticRegression(name="logistic_regression", c=1.0, iterations=200),
    "random_forest": RandomForest(name="random_forest", trees=5, depth=None, min_leaf=1),
    "gradient_boosting": GradientBoosting(name="gradient_boosting", rounds=3, rate=0.3, leaves=4, min_leaf=2, l2=0.0),
}


def images(n_classes):
    """60 grey images 4 x 4 that a class can be read from."""
    labels = np.arange(60) % n_classes
    noise = np.random.default_rng(1).integers(0, 60, (60, 4, 4, 1))
    return (noise + labels[:, None, None, None] * 60).astype(np.uint8), labels


def fitted(name, n_classes=3, pca=None):
    found, labels = images(n_classes)
    return heads.fitted(heads.unfitted(HEADS[name], pca, False, 1), pixels(found), labels, 1)


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_head_is_saved_to_equal_bytes_and_loads_the_same(name, n_classes, tmp_path):
    """Fitted twice it is one file; loaded it gives the same probabilities, float32, and is the same file again."""
    head = fitted(name, n_classes)
    (tmp_path / "head.skops").write_bytes(head_file.dumped(head))
    predictor = load_predictor(tmp_path)
    said = predictor.predict(images(n_classes)[0])

    assert head_file.dumped(fitted(name, n_classes)) == (tmp_path / "head.skops").read_bytes()
    assert head_file.dumped(predictor.head) == (tmp_path / "head.skops").read_bytes()
    assert said.dtype == np.float32 and said.shape == (60, n_classes)
    np.testing.assert_array_equal(said, head.predict_proba(pixels(images(n_classes)[0])).astype(np.float32))
    np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-6)


def test_a_head_of_foreign_types_is_refused(tmp_path):
    """scikit-learn's own neighbours, which skops trusts, are none of ours; one sentence names them."""
    found, labels = images(3)
    made = Pipeline([("classify", KNeighborsClassifier().fit(pixels(found), labels))])
    (tmp_path / "head.skops").write_bytes(head_file.dumped(made))

    with pytest.raises(UserError, match=r"is refused: it holds .*KNeighborsClassifier"):
        load_predictor(tmp_path)


def test_a_head_that_would_call_a_function_is_refused(tmp_path):
    """A known class, built by another way than ours, is refused before skops sees it."""
    data = head_file.dumped(fitted("logistic_regression"))
    (tmp_path / "whole.skops").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "whole.skops") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    schema = json.loads(members["schema.json"])
    schema["content"]["content"]["verbose"] = {
        "__class__": "str", "__module__": "builtins", "__loader__": "FunctionNode", "content": "os.system",
    }  # fmt: skip
    with zipfile.ZipFile(tmp_path / "head.skops", "w") as archive:
        for name, content in {**members, "schema.json": json.dumps(schema).encode()}.items():
            archive.writestr(name, content)

    with pytest.raises(UserError, match="it holds FunctionNode"):
        load_predictor(tmp_path)


def test_a_damaged_head_is_a_sentence(tmp_path):
    """What is no zip says how it comes back."""
    (tmp_path / "head.skops").write_bytes(b"no zip")

    with pytest.raises(UserError, match=r"is no \.skops file"):
        load_predictor(tmp_path)


def test_pixels_are_read_in_pieces_and_scaled():
    """2,500 images, more than a piece: each number is its byte / 255."""
    found = np.random.default_rng(1).integers(0, 256, (2500, 2, 2, 1)).astype(np.uint8)

    np.testing.assert_array_equal(pixels(found), (found.reshape(2500, 4) / np.float32(255)).astype(np.float32))


def test_a_folder_names_its_files_and_whether_it_needs_tensorflow(tmp_path):
    """An ensemble's own file first, then its members'; a network anywhere needs TensorFlow."""
    for name in ("ensemble.json", "members/b/head.skops", "members/a/head.skops", "history.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    assert model_files(tmp_path) == ["ensemble.json", "members/a/head.skops", "members/b/head.skops"]
    assert not needs_tensorflow(tmp_path)
    (tmp_path / "members/a/model.keras").touch()
    assert needs_tensorflow(tmp_path)


def test_an_ensemble_averages_its_members(tmp_path):
    """Weights 0.25 and 0.75 of two heads, by hand; what it sees are both answers side by side."""
    found, _ = images(3)
    for name in ("svm", "random_forest"):
        (tmp_path / "members" / name).mkdir(parents=True)
        (tmp_path / "members" / name / "head.skops").write_bytes(head_file.dumped(fitted(name)))
    about = {"members": ["svm", "random_forest"], "weights": [0.25, 0.75], "on": "probabilities"}
    (tmp_path / "ensemble.json").write_text(json.dumps(about))
    seen, said = load_predictor(tmp_path).see(found)
    one, other = (load_predictor(tmp_path / "members" / name).predict(found) for name in about["members"])

    np.testing.assert_allclose(said, 0.25 * one + 0.75 * other, atol=1e-6)
    np.testing.assert_array_equal(seen, np.concatenate([one, other], axis=1))


def test_an_average_of_equal_members_is_the_member():
    """To the last bit, whatever the weights that sum to 1 in halves."""
    said = np.random.default_rng(1).dirichlet([1, 1, 1], 20).astype(np.float32)

    np.testing.assert_array_equal(averaged(np.stack([said] * 4), [0.5, 0.25, 0.125, 0.125]), said)


@pytest.mark.parametrize(("name", "pca"), [("linear", None), ("logistic_regression", 5)])
def test_cost_by_hand(name, pca):
    """16 pixels: standardized 16; PCA to 5: 16 x 5; logistic: 5 x 3; SVM: vectors x 16 and 2 coefficients a vector."""
    head = fitted(name, pca=pca)
    if name == "linear":
        n = len(head.calibrated_classifiers_[0].estimator[-1].support_vectors_)
        assert heads.cost(head) == (32 + n * 18 + 3 + 1, 16 + n * 18 + 1)
    else:
        assert heads.cost(head) == (32 + 80 + 16 + 15 + 3, 16 + 80 + 15)


def test_cost_of_trees_by_hand():
    """Nodes are parameters, a comparison a level is a multiply-add."""
    forest = fitted("random_forest")
    trees = [tree.tree_ for tree in forest[-1].estimators_]

    expected = (32 + sum(tree.node_count for tree in trees), 16 + sum(tree.max_depth for tree in trees))
    assert heads.cost(forest) == expected
    assert heads.cost(fitted("gradient_boosting"))[1] <= 16 + 3 * 3 * 3  # 3 rounds x 3 classes x at most 3 levels
