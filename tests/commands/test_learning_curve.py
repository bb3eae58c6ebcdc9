"""`imagetrail learning-curve`: by the code of train, broken off and taken up again, and what it refuses."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchmarks.tampering import copied
from stages.core.errors import UserError
from stages.core.files import read_json
from stages.core.images.packs import Pack, Statistics
from stages.core.layout import PROJECT
from stages.core.learning import trainings
from stages.core.learning.shares import cut_down
from stages.core.settings.entries import Entry
from stages.core.settings.entries import entry as checked
from stages.core.settings.params import load
from stages.core.training.data import Data, TrainingFailed
from stages.core.training.feature_files import Features

FOREST = {
    "kind": "classical",
    "input": "images",
    "method": {"name": "random_forest", "trees": 20, "depth": None, "min_leaf": 1},
    "pca": None,
    "max_train_images": None,
    "fit": {"seeds": [1], "on": "train", "balance": "none"},
}


@pytest.mark.slow
def test_all_images_are_the_candidate_itself_and_nothing_of_dvc_is_touched(finished, tmp_path):
    """At share 1 with the entry's own seed the accuracy is that of the candidate; what was kept is gone at the end."""
    project = type(finished)(copied(finished.root, tmp_path / "copy"))
    tree = project.params()
    tree["learning_curve"] = {"shares": [0.25, 1.0], "seeds": [1], "equal": "epochs"}
    project.write_params(tree)
    done = project.command("learning-curve", "plain")
    table = pd.read_csv(project.root / "reports/learning_curve/plain.csv")
    metrics = read_json(project.root / "reports/candidates/plain/metrics.json")

    assert table["accuracy"].iloc[-1] == pytest.approx(metrics["val_accuracy"], abs=1e-6)
    assert table["n_train"].iloc[0] < table["n_train"].iloc[1] / 3
    assert "more images like these" in done.stdout and "one seed" in done.stdout
    assert (project.root / "reports/learning_curve/plain.png").exists()
    assert not list((project.root / ".checkpoints").glob("learning_curve-*"))
    project.run("dvc", "status", "-q")  # ends with 1 where anything is changed


def forest() -> Entry:
    """A classical entry, which needs no TensorFlow."""
    return checked("models", "forest", FOREST)


def data(n=60) -> Data:
    """Dark and light pictures."""
    labels = np.arange(n) % 2
    images = np.random.default_rng(1).integers(0, 100, (n, 8, 8, 1), np.uint8) + (
        100 * labels[:, None, None, None]
    ).astype(np.uint8)
    pack = Pack(images, labels, [f"{k}.png" for k in range(n)])
    return Data(pack, pack, pack, ["dark", "light"], Statistics([100.0], [3000.0]))


def test_a_classical_entry_is_fitted_on_the_share_and_what_is_done_is_read_back(tmp_path, monkeypatch):
    """The second time nothing is trained; each share and seed has its own."""
    some, places = data(), [tmp_path / name for name in ("0.1-1", "0.5-1", "0.5-2")]
    shares = [cut_down(some, np.arange(n)) for n in (4, 30, 30)]
    first = [trainings.answers(forest(), cut, at, (0, 1)) for cut, at in zip(shares, places, strict=True)]
    monkeypatch.setattr(trainings, "trained", None)
    again = [trainings.answers(forest(), cut, at, (0, 1)) for cut, at in zip(shares, places, strict=True)]

    assert (first[0]["split"] == "val").all() and len(first[0]) == 60
    assert not first[0].equals(first[1]) and first[1].equals(first[2])
    assert all(one.equals(other) for one, other in zip(first, again, strict=True))
    assert len(list(tmp_path.glob("*.parquet"))) == 3


def test_stored_features_are_cut_as_the_images_are(tmp_path):
    """An entry on a backbone's features sees those of the share alone: with one class in it, it can't be fitted."""
    numbers = np.arange(60, dtype=np.float32)[:, None] % 2 + np.zeros((60, 3), np.float32)
    some = replace(data(), features=Features("net", tmp_path, (3,), {"train": numbers, "val": numbers}))
    entry = checked("models", "forest", {**FOREST, "input": "features/net"})
    found = trainings.answers(entry, cut_down(some, np.arange(10)), tmp_path / "0.2-1", (0, 1))

    assert (found[["p.dark", "p.light"]].to_numpy().argmax(axis=1) == np.arange(60) % 2).all()
    with pytest.raises(UserError, match="no image of 'light'"):
        trainings.answers(entry, cut_down(some, np.arange(0, 20, 2)), tmp_path / "0.2-2", (0, 1))


def test_a_smaller_share_has_more_epochs_and_as_many_steps():
    """A quarter of 1,200 images in batches of 32: 10 steps instead of 38, so 20 epochs become 76; patience likewise."""
    plain = load(PROJECT / "params.yaml").model("plain")
    steps, epochs = (trainings.tried(plain, 7, (300, 1200), equal) for equal in ("steps", "epochs"))

    assert (steps.fit.epochs, steps.fit.early_stopping.patience, steps.fit.seeds) == (76, 19, [7])
    assert (epochs.fit.epochs, epochs.fit.early_stopping.patience) == (20, 5)
    assert trainings.tried(plain, 1, (1200, 1200), "steps") == plain
    assert trainings.tried(forest(), 7, (300, 1200), "steps").fit.seeds == [7]


def test_a_share_that_can_t_be_trained_on_is_a_sentence(tmp_path, monkeypatch):
    """With the number of images and the setting that would help."""

    def failing(*_):
        raise TrainingFailed("the loss is not finite")

    monkeypatch.setattr(trainings, "trained", failing)
    with pytest.raises(UserError, match=r"models\.forest can't be trained on 10 images.*learning_curve\.shares"):
        trainings.answers(forest(), cut_down(data(), np.arange(10)), tmp_path / "0.1-1", (0, 1))


def test_an_entry_without_validation_images_is_refused(monkeypatch):
    """A last fit has none left to say what a share is worth."""
    from argparse import Namespace

    from stages.commands import learning_curve

    params = load(PROJECT / "params.yaml")
    written = {**FOREST, "fit": {**FOREST["fit"], "on": "train+val"}}
    params.models["whole"] = checked("models", "whole", written)
    monkeypatch.setattr(learning_curve, "open_project", lambda: (params, None))
    with pytest.raises(UserError, match=r"models\.whole\.fit\.on must be train"):
        learning_curve.main(Namespace(model="whole"))
