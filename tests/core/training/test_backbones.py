"""Backbones: each network's own preprocessing inside, saved without our code, and clear words when it can't be built."""

import keras
import numpy as np
import pytest

from stages.core.candidates import model_file
from stages.core.errors import UserError
from stages.core.settings.backbone_options import Backbone
from stages.core.training.applications import network, preprocessing_of
from stages.core.training.backbones import convention, extractor

pytestmark = pytest.mark.slow
FILE = {"uri": "a.h5", "sha256": None, "licence": None}


def options(kind="MobileNetV2", **changes):
    common = {
        "arguments": {},
        "weights": None,
        "seed": 1,
        "height": 32,
        "width": 32,
        "pooling": "average",
        "store": True,
    }
    return Backbone(backbone=kind, **{**common, **changes})


@pytest.mark.parametrize(
    ("kind", "known"),
    [("MobileNetV2", "tf"), ("VGG16", "caffe"), ("DenseNet121", "torch"), ("EfficientNetB0", "none")],
)
def test_features_are_those_of_kerass_own_preprocessing(kind, known, tmp_path):
    """From raw uint8, after saving and loading in safe mode: as preprocess_input, network and pooling by hand."""
    chosen = options(kind)
    images = np.random.default_rng(1).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    model_file.save(extractor("net", chosen, (32, 32, 3), None), tmp_path / "backbone.keras")
    loaded = model_file.load(tmp_path / "backbone.keras")
    by_hand = loaded.get_layer("backbone")(preprocessing_of("net", chosen)(images.astype(np.float32)), training=False)

    assert convention("net", chosen) == known
    pooled = np.asarray(by_hand).mean(axis=(1, 2))
    np.testing.assert_allclose(loaded.predict(images, verbose=0), pooled, rtol=1e-3, atol=1e-4)


def test_equal_settings_give_equal_files(tmp_path):
    """Random weights are drawn from the seed, and names begin anew."""
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        small = options(arguments={"alpha": 0.35}, seed=seed, pooling="none")
        model_file.save(extractor("net", small, (20, 20, 1), None), tmp_path / name)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")

    assert a == b and a != c


def test_weights_of_another_width_are_one_sentence(tmp_path):
    """The file is of alpha 0.35, the entry says 0.5: said with both, on one line."""
    path = tmp_path / "a.weights.h5"
    network("net", options(arguments={"alpha": 0.35}), None).save_weights(path)
    right = extractor("net", options(weights=FILE, arguments={"alpha": 0.35}), (32, 32, 3), path)
    with pytest.raises(UserError) as error:
        extractor("net", options(weights=FILE, arguments={"alpha": 0.5}), (32, 32, 3), path)

    assert isinstance(right, keras.Model)
    start = (
        "params.yaml: backbones.net.weights: the file does not fit MobileNetV2 with arguments {'alpha': 0.5}; is it of"
    )
    assert str(error.value).startswith(start) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "MobilNetV2"}, "net.backbone: keras.applications has no 'MobilNetV2'; did you mean MobileNetV2?"),
        ({"arguments": {"alfa": 1.0}}, "net.arguments: MobileNetV2 takes no 'alfa'; did you mean alpha?"),
        ({"kind": "VGG16", "arguments": {"alpha": 1.0}}, "net.arguments: VGG16 takes no 'alpha'; it takes none"),
        ({"height": 16}, "net: MobileNetV2 can't be built so: Input size must be at least 32x32; Received: input_shape=(16, 32, 3)"),
    ],
)  # fmt: skip
def test_what_can_not_be_built_is_one_sentence(changes, message):
    """Its name, its arguments and its size are those of keras.applications."""
    with pytest.raises(UserError) as error:
        extractor("net", options(**changes), (32, 32, 3), None)

    assert str(error.value) == f"params.yaml: backbones.{message}"
