"""Every file in stages/models/ keeps the contract of a model, by being there."""

import inspect

import numpy as np
import pytest

from stages.core import fitting, model_file
from stages.core.cost import multiply_adds
from stages.core.fitting import Data
from stages.core.layout import PROJECT
from stages.core.packs import Pack, Statistics
from stages.core.params import entry, kinds, read_yaml

pytestmark = pytest.mark.slow
SHAPE, CLASSES = (16, 16, 3), ["cat", "dog", "eel"]


def written(kind):
    """The first entry of this kind in params.yaml or a recipe: the real options, not made-up ones."""
    files = [PROJECT / "params.yaml", *sorted((PROJECT / "recipes").glob("*.yaml"))]
    entries = [item for path in files for item in read_yaml(path).get("models", {}).values()]
    return next(item for item in entries if item["kind"] == kind)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    labels = np.arange(24) % 3
    images = (rng.random((24, *SHAPE)) * 60 + labels[:, None, None, None] * 70).astype(np.uint8)
    pack = Pack(images, labels, [f"{i}.png" for i in range(24)])
    return Data(pack, pack, pack, CLASSES, Statistics([90.0] * 3, [3000.0] * 3))


@pytest.fixture(scope="module", params=kinds("models"))
def built(request, data):
    item = entry("models", "tried", {**written(request.param), "fit": {**written(request.param)["fit"], "epochs": 1}})
    return item, fitting.build(item.module("models"), item.options, item.fit, data)


def test_it_takes_raw_images_and_gives_probabilities(built, data):
    """uint8 [N, H, W, C] in; float32 [N, K] out, each row summing to 1."""
    _, model = built
    out = np.asarray(model(data.val.images, training=False))

    assert model.input.dtype == "uint8" and out.dtype == np.float32 and out.shape == (24, 3)
    np.testing.assert_allclose(out.sum(axis=1), 1, atol=1e-5)


def test_its_seed_draws_its_weights(built, data):
    """The same seed gives the same weights, another seed others."""
    item, model = built
    again = fitting.build(item.module("models"), item.options, item.fit, data)
    other = fitting.build(item.module("models"), item.options, item.fit.model_copy(update={"seed": 99}), data)

    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), again.get_weights(), strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(model.get_weights(), other.get_weights(), strict=True))


def test_it_is_saved_whole_and_to_equal_bytes(built, data, tmp_path):
    """A saved model loads without our code, predicts the same, and is the same file again."""
    _, model = built
    model_file.save(model, tmp_path / "a.keras")
    model_file.save(model, tmp_path / "b.keras")
    loaded = model_file.load(tmp_path / "a.keras")

    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    np.testing.assert_array_equal(
        np.asarray(loaded(data.val.images, training=False)), np.asarray(model(data.val.images, training=False))
    )


def test_it_learns_and_counts_its_cost(built, data):
    """Training an epoch changes the weights, gives a row of curves, and multiply-adds are counted."""
    item, _ = built
    model = fitting.build(item.module("models"), item.options, item.fit, data)
    before = model.get_weights()
    rows = []
    trained = fitting.train(model, item.fit, data, lambda epoch, row: rows.append((epoch, row)), "models.tried.fit")

    assert not all(np.array_equal(a, b) for a, b in zip(before, trained.model.get_weights(), strict=True))
    assert [epoch for epoch, _ in rows] == [1] and {"loss", "accuracy", "val_loss"} <= set(trained.history)
    assert multiply_adds(model) > 0


def test_its_signature_is_the_common_one(built):
    """`build(options, input_shape, n_classes, statistics)`, and Options with a description on what is not obvious."""
    item, _ = built
    module = item.module("models")

    assert list(inspect.signature(module.build).parameters) == ["options", "input_shape", "n_classes", "statistics"]
    assert module.Options.__doc__ and module.__doc__.startswith(f"{item.kind}: ")


def test_published_parameter_counts():
    """`plain_cnn` expresses the published networks: EuroSAT's has 298,010 parameters."""
    item = entry("models", "published", read_yaml(PROJECT / "recipes/eurosat.yaml")["models"]["published"])
    model = item.module("models").build(item.options, (64, 64, 3), 10, Statistics([0.0] * 3, [1.0] * 3))

    assert model.count_params() == 298_010


def test_multiply_adds_by_hand():
    """A 3 x 3 convolution from 3 to 8 channels at 16 x 16 costs 16*16*3*3*3*8, a dense layer its kernel."""
    import keras

    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(8, 3, padding="same")(inputs)
    x = keras.layers.DepthwiseConv2D(3, padding="same", strides=2)(x)
    model = keras.Model(inputs, keras.layers.Dense(5)(keras.layers.Flatten()(x)))

    assert multiply_adds(model) == 16 * 16 * 3 * 3 * 3 * 8 + 8 * 8 * 3 * 3 * 8 + 8 * 8 * 8 * 5
