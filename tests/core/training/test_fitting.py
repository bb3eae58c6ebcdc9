"""Training: the order of an epoch, which weights are kept, and how a training fails."""

import numpy as np
import pytest

from stages.core.candidates import model_file
from stages.core.images.packs import Pack, Statistics
from stages.core.layout import PROJECT
from stages.core.settings.entries import entry
from stages.core.settings.fit_options import Fit
from stages.core.settings.params import read_yaml
from stages.core.settings.search_space import applied
from stages.core.training import fitting
from stages.core.training.batches import TrainBatches, epoch_order
from stages.core.training.cost import multiply_adds
from stages.core.training.data import Data, TrainingFailed
from stages.core.training.finishing import finished
from stages.core.training.session import Session

pytestmark = pytest.mark.slow
PLAIN = read_yaml(PROJECT / "params.yaml")["models"]["plain"]


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 96)
    images = (rng.random((96, 8, 8, 1)) * 150 + labels[:, None, None, None] * 60).astype(np.uint8)
    pack = Pack(images, labels, [f"{i}.png" for i in range(96)])
    half = Pack(images[:48], labels[:48], pack.paths[:48])
    return Data(pack, half, None, ["dark", "light"], Statistics([100.0], [3000.0]))


def trained(data, **changes):
    """Train the plain entry of params.yaml for 3 epochs with other values; returns it and the rows told."""
    small = {"fit.epochs": 3, "fit.early_stopping": None, "fit.keep": "last", "fit.batch_size": 16}
    item = entry("models", "tried", applied(PLAIN, {**small, **changes}))
    rows = []
    model = fitting.build(item.module("models"), item.options, item.fit, data)
    return fitting.train(model, item.fit, data, Session(lambda _, row: rows.append(row), "models.tried.fit")), rows


def accuracy(model, data):
    """Accuracy on validation of the weights that a model holds now."""
    return (fitting.predict(model, data.val, 2).argmax(axis=1) == data.val.labels).mean()


def test_epoch_k_draws_order_k(data, monkeypatch):
    """What Keras trains on in epoch k is epoch_order(k), so that a restart at k can repeat it."""
    started = []
    start = TrainBatches.start
    monkeypatch.setattr(TrainBatches, "start", lambda self, epoch: (started.append(epoch), start(self, epoch))[1])
    taken = []
    get = TrainBatches.__getitem__
    monkeypatch.setattr(TrainBatches, "__getitem__", lambda self, i: (taken.append((started[-1], i)), get(self, i))[1])
    trained(data)

    assert [epoch for epoch, index in taken if index == 5] == [0, 1, 2]
    assert not np.array_equal(epoch_order(96, 1, 1, 0), epoch_order(96, 1, 1, 1))


def test_the_same_seed_gives_the_same_curve(data):
    """Two trainings in one process are equal, another seed's is not."""
    first, again, other = trained(data), trained(data), trained(data, **{"fit.seeds": [5]})

    assert first[0].history.equals(again[0].history) and not first[0].history.equals(other[0].history)


def test_the_best_epoch_is_kept(data):
    """keep: best gives back the weights of the epoch with the highest validation accuracy."""
    result, rows = trained(data, **{"fit.keep": "best", "fit.epochs": 6, "fit.optimizer.rate": 0.02})

    assert accuracy(result.model, data) == pytest.approx(max(row["val_accuracy"] for row in rows), abs=1e-6)


def test_averaged_weights_are_those_that_were_validated(data):
    """With ema, the curve's last validation accuracy is that of the weights that are kept."""
    result, rows = trained(data, **{"fit.ema": 0.8})

    assert accuracy(result.model, data) == pytest.approx(rows[-1]["val_accuracy"], abs=1e-6)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "adamax", "lion", "rmsprop"])
def test_every_optimizer_and_schedule_trains(data, name):
    """Each changes the rate as its schedule says and gives finite numbers."""
    changes = {"fit.optimizer.name": name, "fit.optimizer.weight_decay": 1e-4, "fit.schedule.name": "cosine"}
    result, rows = trained(data, **changes, **{"fit.schedule.end": 0.0, "fit.schedule.warmup": 0.34})

    assert result.history["learning_rate"].is_monotonic_decreasing and rows[-1]["learning_rate"] < 1e-4
    assert np.isfinite(result.history.to_numpy()).all()


def test_a_network_that_cannot_be_built_is_a_sentence(data):
    """Four pools on 8 x 8 pixels leave nothing: it is said, with the size of the images."""
    with pytest.raises(TrainingFailed, match=r"no network can be built for images \(8, 8, 1\)"):
        trained(data, **{"blocks": PLAIN["blocks"] * 2})


@pytest.mark.parametrize("method", ["class_weight", "effective_number", "oversample", "focal"])
def test_every_remedy_trains_and_changes_the_result(data, method):
    """A remedy against imbalance is not silently ignored."""
    rare = np.r_[np.flatnonzero(data.train.labels == 0), np.flatnonzero(data.train.labels == 1)[:9]]
    rare.sort()
    pack = Pack(data.train.images[rare], data.train.labels[rare], [data.train.paths[i] for i in rare])
    uneven = Data(pack, data.val, None, data.classes, data.statistics)
    plain, remedied = (
        trained(uneven, **{"fit.balance": {"method": name, "beta": 0.9, "gamma": 2.0}}) for name in ("none", method)
    )

    assert np.isfinite(remedied[0].history["loss"]).all()
    assert not plain[0].history.equals(remedied[0].history)


CONVOLUTIONS = {"flatten": "average", "dense": []}
SIZES = [{"until": 0.34, "scale": 0.5}, {"until": 0.67, "scale": 0.75}]


def test_images_grow_over_the_run(data, monkeypatch):
    """With image_sizes an epoch at each size, the curve goes on, and the model has the full size."""
    seen = []
    get = TrainBatches.__getitem__
    monkeypatch.setattr(
        TrainBatches, "__getitem__", lambda self, i: (seen.append(get(self, i)[0].shape[1]), get(self, i))[1]
    )
    result, rows = trained(data, **CONVOLUTIONS, **{"fit.image_sizes": SIZES})

    assert list(dict.fromkeys(seen)) == [4, 6, 8]
    assert list(result.history["epoch"]) == [1, 2, 3] and result.model.input.shape == (None, 8, 8, 1)
    assert accuracy(result.model, data) == pytest.approx(rows[-1]["val_accuracy"], abs=1e-6)


def test_a_network_tied_to_its_size_says_so(data):
    """image_sizes on a network that flattens its map is one sentence that names the way out."""
    with pytest.raises(TrainingFailed, match=r"models.tried.fit.image_sizes needs a network that takes any size"):
        trained(data, **{"fit.image_sizes": SIZES})


@pytest.mark.parametrize(("views", "n_views"), [("horizontal", 2), ("dihedral", 8)])
def test_views_are_averaged_inside_the_saved_model(data, tmp_path, views, n_views):
    """The file alone, without our code, gives the mean of what the plain model says of every view; each costs."""
    plain, viewed = (trained(data, **{"fit.epochs": 1, "fit.views": name})[0].model for name in ("none", views))
    model_file.save(viewed, tmp_path / "model.keras")
    loaded = model_file.load(tmp_path / "model.keras")

    turned = [data.val.images, data.val.images[:, :, ::-1]]
    if views == "dihedral":
        turned += [images[:, ::-1] for images in turned]
        turned += [images.transpose(0, 2, 1, 3) for images in turned]
    expected = np.mean([np.asarray(plain(np.ascontiguousarray(images))) for images in turned], axis=0)
    np.testing.assert_allclose(np.asarray(loaded(data.val.images)), expected, atol=1e-6)
    assert len(turned) == n_views and multiply_adds(loaded) == n_views * multiply_adds(plain)


def test_an_oblong_has_four_views():
    """An image that isn't square can't be turned: dihedral averages its four mirrored views."""
    import keras

    inputs = keras.Input((2, 3, 1), dtype="uint8")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    model = finished(keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x)), "dihedral")

    assert len(model.get_layer("views").input) == 4 and model(np.zeros((5, 2, 3, 1), np.uint8)).shape == (5, 2)


def test_averaged_weights_have_statistics_of_their_own(data):
    """With ema, batch norm's mean is that of the averaged weights on train images, not of the raw ones."""
    block = [{"filters": [4], "kernel": 3, "padding": "same", "batch_norm": "conv", "pool": "max", "dropout": 0.0}]
    same = {"fit.augment": {**PLAIN["fit"]["augment"], "flip": "none", "shift": 0.0}, "fit.optimizer.rate": 0.02}
    model = trained(data, **CONVOLUTIONS, **same, **{"blocks": block, "fit.ema": 0.9})[0].model
    norm = next(layer for layer in model.layers if type(layer).__name__ == "BatchNormalization")
    import keras

    before = keras.Model(model.input, norm.input)(data.train.images)
    batched = [np.asarray(before)[at : at + 16].mean(axis=(0, 1, 2)) for at in range(0, 96, 16)]
    np.testing.assert_allclose(np.asarray(norm.moving_mean), np.mean(batched, axis=0), rtol=1e-3, atol=1e-3)


def test_averages_outlive_an_early_stop(data):
    """Stopped before its last epoch, a run with ema keeps the averages that it validated."""
    stop = {"monitor": "val_loss", "patience": 1}
    result, rows = trained(
        data, **{"fit.ema": 0.9, "fit.epochs": 12, "fit.early_stopping": stop, "fit.optimizer.rate": 0.05}
    )

    assert len(rows) < 12 and accuracy(result.model, data) == pytest.approx(rows[-1]["val_accuracy"], abs=1e-6)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "adamax", "lion", "rmsprop"])
def test_weight_decay_is_decoupled_in_every_optimizer(name):
    """Without a gradient a kernel shrinks by rate x decay a step, whatever the optimizer; a bias stays."""
    import keras

    from stages.core.training.optimizing import optimizer

    written = applied(PLAIN["fit"], {"optimizer.name": name, "optimizer.rate": 0.1, "optimizer.weight_decay": 0.05})
    made = optimizer(Fit.model_validate({**written, "schedule": PLAIN["fit"]["schedule"]}), 10)
    kernel, bias = keras.Variable([2.0], name="kernel"), keras.Variable([2.0], name="bias")
    made.apply([keras.ops.zeros(1), keras.ops.zeros(1)], [kernel, bias])

    assert float(kernel.numpy()[0]) == pytest.approx(2 * (1 - 0.1 * 0.05), rel=1e-6)
    assert float(bias.numpy()[0]) == 2.0
