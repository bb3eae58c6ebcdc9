"""Every file in stages/models/ keeps the contract of a model, by being there."""

import importlib
import inspect
from dataclasses import replace

import numpy as np
import pytest

from stages.core.candidates import model_file
from stages.core.images.packs import Pack, Statistics
from stages.core.layout import PROJECT
from stages.core.settings.backbone_options import Backbone
from stages.core.settings.entries import entry, kinds
from stages.core.settings.params import read_yaml
from stages.core.training import fitting, transferring
from stages.core.training.cost import multiply_adds
from stages.core.training.data import Data
from stages.core.training.feature_files import Features
from stages.core.training.finishing import finished
from stages.core.training.session import Session

pytestmark = pytest.mark.slow
SHAPE, CLASSES = (16, 16, 3), ["cat", "dog", "eel"]
NETWORKS = [kind for kind in kinds("models") if hasattr(importlib.import_module(f"stages.models.{kind}"), "build")]


def written(kind):
    """The first entry of this kind in params.yaml or a recipe: the real options, not made-up ones."""
    files = [PROJECT / "params.yaml", *sorted((PROJECT / "recipes").glob("*.yaml"))]
    entries = [item for path in files for item in read_yaml(path).get("models", {}).values()]
    return next(item for item in entries if item["kind"] == kind)


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    """A small backbone with random weights, for kinds that take features; none are stored."""
    from stages.core.training.backbones import extractor

    size = {"seed": 1, "height": 32, "width": 32, "pooling": "average", "store": False}
    options = Backbone(backbone="MobileNetV2", arguments={"alpha": 0.35}, weights=None, **size)
    model, path = extractor("tiny", options, SHAPE, None), tmp_path_factory.mktemp("tiny") / "backbone.keras"
    model_file.save(model, path)
    return Features("tiny", path, model.output.shape[1:], {})


def network(item, data):
    """The whole network of an entry, as it is trained in the loop."""
    made = fitting.build(item.module("models"), item.options, item.fit, data)
    return transferring.whole(model_file.load(data.features.backbone), made) if data.features else made


@pytest.fixture(scope="module")
def packed():
    rng = np.random.default_rng(1)
    labels = np.arange(24) % 3
    images = (rng.random((24, *SHAPE)) * 60 + labels[:, None, None, None] * 70).astype(np.uint8)
    pack = Pack(images, labels, [f"{i}.png" for i in range(24)])
    return Data(pack, pack, pack, CLASSES, Statistics([90.0] * 3, [3000.0] * 3))


@pytest.fixture(scope="module", params=NETWORKS)
def item(request):
    return entry("models", "tried", {**written(request.param), "fit": {**written(request.param)["fit"], "epochs": 1}})


@pytest.fixture(scope="module")
def data(item, packed, features):
    return packed if item.input == "images" else replace(packed, features=features)


@pytest.fixture(scope="module")
def built(item, data):
    return item, network(item, data)


def test_it_takes_raw_images_and_gives_probabilities(built, data):
    """uint8 [N, H, W, C] in; float32 [N, K] out, each row summing to 1."""
    _, model = built
    out = np.asarray(model(data.val.images, training=False))

    assert model.input.dtype == "uint8" and out.dtype == np.float32 and out.shape == (24, 3)
    np.testing.assert_allclose(out.sum(axis=1), 1, atol=1e-5)


def test_its_seed_draws_its_weights(built, data):
    """The same seed gives the same weights, another seed others."""
    item, model = built
    again = network(item, data)
    other = network(replace(item, fit=item.fit.model_copy(update={"seeds": [99]})), data)

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


def test_it_can_average_views(built, data, tmp_path):
    """With eight views it is still uint8 in and probabilities out, from a file that loads without our code."""
    _, model = built
    model_file.save(finished(model, "dihedral"), tmp_path / "views.keras")
    loaded = model_file.load(tmp_path / "views.keras")
    out = np.asarray(loaded(data.val.images, training=False))

    assert loaded.input.dtype == "uint8" and out.dtype == np.float32 and out.shape == (24, 3)
    np.testing.assert_allclose(out.sum(axis=1), 1, atol=1e-5)
    assert multiply_adds(loaded) == 8 * multiply_adds(model)


def test_it_learns_and_counts_its_cost(built, data):
    """Training an epoch changes the weights, gives a row of curves, and multiply-adds are counted."""
    item, _ = built
    model = network(item, data)
    before = model.get_weights()
    rows = []
    trained = fitting.train(
        model, item.fit, data, Session(lambda epoch, row: rows.append((epoch, row)), "models.tried.fit")
    )

    assert not all(np.array_equal(a, b) for a, b in zip(before, trained.model.get_weights(), strict=True))
    assert [epoch for epoch, _ in rows] == [1] and {"loss", "accuracy", "val_loss"} <= set(trained.history)
    assert multiply_adds(model) > 0


def test_its_signature_is_the_common_one(built):
    """`build(options, input_shape, n_classes, statistics)`, and Options with a description on what is not obvious."""
    item, _ = built
    module = item.module("models")

    assert list(inspect.signature(module.build).parameters) == ["options", "input_shape", "n_classes", "statistics"]
    assert module.Options.__doc__ and module.__doc__.startswith(f"{item.kind}: ")


@pytest.mark.parametrize(
    ("recipe", "side", "count"),
    [("eurosat_cnn", 64, 298_010), ("cifar10_cnn", 32, 4_200_842)],
)
def test_published_parameter_counts(recipe, side, count):
    """`plain_cnn` expresses the published networks, to the last parameter."""
    item = entry("models", "published", read_yaml(PROJECT / f"recipes/{recipe}.yaml")["models"]["published"])
    model = item.module("models").build(item.options, (side, side, 3), 10, Statistics([0.0] * 3, [1.0] * 3))

    assert model.count_params() == count


def test_multiply_adds_by_hand():
    """A 3 x 3 convolution from 3 to 8 channels at 16 x 16 costs 16*16*3*3*3*8, a dense layer its kernel."""
    import keras

    inputs = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(8, 3, padding="same")(inputs)
    x = keras.layers.DepthwiseConv2D(3, padding="same", strides=2)(x)
    model = keras.Model(inputs, keras.layers.Dense(5)(keras.layers.Flatten()(x)))

    assert multiply_adds(model) == 16 * 16 * 3 * 3 * 3 * 8 + 8 * 8 * 3 * 3 * 8 + 8 * 8 * 8 * 5
