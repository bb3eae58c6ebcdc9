"""Training: the order of an epoch, which weights are kept, and how a training fails."""

import numpy as np
import pytest

from stages.core import fitting
from stages.core.batches import TrainBatches, epoch_order
from stages.core.fitting import Data, TrainingFailed
from stages.core.layout import PROJECT
from stages.core.packs import Pack, Statistics
from stages.core.params import entry, read_yaml
from stages.core.search_space import applied

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
    return fitting.train(model, item.fit, data, lambda _, row: rows.append(row), "models.tried.fit"), rows


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
    first, again, other = trained(data), trained(data), trained(data, **{"fit.seed": 5})

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
