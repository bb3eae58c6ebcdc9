"""Grad-CAM against what can be worked out by hand, and the sheet that is made of it."""

import numpy as np
import pandas as pd
import pytest

from stages.core.errors import UserError
from stages.core.evaluating.gradcam import gradcam, overlap
from stages.core.evaluating.heat_sheet import COLUMNS, looked, overlaid
from stages.core.images.packs import Statistics
from stages.core.images.sheet import TILE, write_sheet
from stages.core.images.thumbnails import fitted
from stages.core.training.finishing import finished

KERNEL = np.random.default_rng(1).normal(size=(3, 3, 1, 2)).astype(np.float32)
WEIGHTS = np.random.default_rng(2).normal(size=(2, 3)).astype(np.float32)


def images(n=4, side=9, channels=1, seed=5):
    """Noise uint8."""
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, channels), np.uint8)


def by_hand(softmax_inside, nested=False, side=9):
    """A convolution, the mean of its map, and one layer from 2 numbers to 3 classes, all with known weights."""
    import keras

    layers = keras.layers
    image = keras.Input((side, side, 1), dtype="uint8")
    x = layers.Rescaling(1 / 255)(image)
    convolution = layers.Conv2D(2, 3, use_bias=False)
    if nested:
        inner = keras.Input(x.shape[1:])
        mean = layers.GlobalAveragePooling2D()(convolution(inner))
        x = keras.Model(inner, mean, name="backbone")(x)
    else:
        x = layers.GlobalAveragePooling2D()(convolution(x))
    last = layers.Dense(3, activation="softmax" if softmax_inside else None)
    x = last(x)
    model = keras.Model(image, x if softmax_inside else layers.Activation("softmax")(x))
    convolution.set_weights([KERNEL])
    last.set_weights([WEIGHTS, np.array([3.0, -1.0, 0.0], np.float32)])
    return model


def closed_form(shown, ids, weights=WEIGHTS):
    """The class activation map of Zhou et al. 2016, which Grad-CAM is there up to a factor, as maps of 7 x 7 places."""
    pixels = shown[..., 0] / 255
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (3, 3), axis=(1, 2))
    values = np.einsum("nhwij,ijd->nhwd", windows, KERNEL[:, :, 0])
    found = np.einsum("nhwd,dn->nhw", values, weights[:, ids]).clip(0)
    highest = found.max(axis=(1, 2), keepdims=True)
    return np.divide(found, highest, out=np.zeros_like(found), where=highest > 0)


@pytest.mark.parametrize("softmax_inside", [False, True])
@pytest.mark.parametrize("nested", [False, True])
def test_it_is_the_class_activation_map_where_that_is_known(softmax_inside, nested):
    """With a mean and one linear layer after the map (Selvaraju et al. 2017, 3.1), also inside a nested network."""
    import cv2

    shown, ids = images(), np.array([[0, 1, 2, 0], [1, 2, 0, 2]])
    found = gradcam(by_hand(softmax_inside, nested), shown, ids)

    for maps, classes in zip(found, ids, strict=True):
        expected = [cv2.resize(one, (9, 9)) for one in closed_form(shown, classes)]
        np.testing.assert_allclose(maps, expected, atol=1e-5)


def test_weights_are_the_mean_slope_of_a_channel():
    """Where every place has weights of its own: a network that flattens its map, against its kernel."""
    import cv2
    import keras

    layers, shown = keras.layers, images(3)
    image = keras.Input((9, 9, 1), dtype="uint8")
    convolution, last = layers.Conv2D(2, 3, use_bias=False), layers.Dense(3)
    x = last(layers.Flatten()(convolution(layers.Rescaling(1 / 255)(image))))
    model = keras.Model(image, layers.Softmax()(x))
    kernel = np.random.default_rng(4).normal(size=(7 * 7 * 2, 3)).astype(np.float32)
    convolution.set_weights([KERNEL])
    last.set_weights([kernel, np.zeros(3, np.float32)])
    found = gradcam(model, shown, np.array([[2, 2, 2]]))
    expected = closed_form(shown, np.array([2, 2, 2]), kernel.reshape(49, 2, 3).mean(axis=0))

    np.testing.assert_allclose(found[0], [cv2.resize(one, (9, 9)) for one in expected], atol=1e-5)


def test_heat_is_a_share_of_its_own_highest_and_leaves_the_model_as_it_was():
    """float32 [M, N, H, W] in [0, 1], more images than a batch holds, the same again, and the same answers after it."""
    model, shown = by_hand(False), images(40)
    before, ids = np.asarray(model(shown)), np.zeros((1, 40), int)
    found = gradcam(model, shown, ids)

    assert found.shape == (1, 40, 9, 9) and found.dtype == np.float32
    assert found.min() >= 0 and found.max() <= 1
    assert (found == gradcam(model, shown, ids)).all()
    assert (np.asarray(model(shown)) == before).all()
    assert not any("call" in vars(layer) for layer in model.layers)


def test_a_network_that_sees_only_the_left_half_is_hot_only_there():
    """A planted cue: whatever stands on the right, no heat does."""
    import keras

    layers = keras.layers
    image = keras.Input((8, 8, 3), dtype="uint8")
    x = layers.Cropping2D(((0, 0), (0, 4)))(layers.Rescaling(1 / 255)(image))
    x = layers.Conv2D(4, 1, activation="relu", use_bias=False)(layers.ZeroPadding2D(((0, 0), (0, 4)))(x))
    x = layers.Dense(2, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    keras.utils.set_random_seed(3)
    found = gradcam(keras.Model(image, x), images(6, 8, 3), np.array([[0] * 6, [1] * 6]))

    assert found[..., :4].max() == 1
    assert found[..., 4:].max() == 0


@pytest.mark.parametrize("views", ["none", "dihedral"])
@pytest.mark.parametrize("name", ["plain", "residual"])
def test_the_shipped_networks_have_heat(name, views):
    """Both default entries, as they are saved, and with the mean of eight views: the image as it is counts."""
    import keras

    from stages.core.layout import PROJECT
    from stages.core.settings.params import load

    chosen = load(PROJECT / "params.yaml").model(name)
    keras.utils.set_random_seed(1)
    model = chosen.module("models").build(chosen.options, (16, 16, 1), 3, Statistics([100.0], [3000.0]))
    found = gradcam(finished(model, views), images(5, 16), np.arange(5)[None] % 3)

    assert found.shape == (1, 5, 16, 16)
    np.testing.assert_allclose(found, gradcam(model, images(5, 16), np.arange(5)[None] % 3), atol=1e-4)


def test_what_has_no_map_is_a_sentence():
    """A network of numbers has no places."""
    import keras

    numbers = keras.Input((4,))
    model = keras.Model(numbers, keras.layers.Dense(2, activation="softmax")(numbers))
    with pytest.raises(UserError, match="has no map"):
        gradcam(model, np.zeros((1, 4), np.uint8), np.zeros((1, 1), int))


def test_overlap_by_hand():
    """Half of what both have together; nothing in common; an empty map."""
    maps = np.zeros((3, 2, 2))
    maps[0, 0], maps[1, 0, 0], maps[2, 1] = 1, 1, 1

    assert overlap(maps[[0, 0, 0, 2]], maps[[0, 1, 2, 2]] * [[[1]], [[1]], [[1]], [[0]]]).tolist() == [1, 0.5, 0, 0]


def test_the_sheet_shows_three_pictures_a_mistake_and_repeats(tmp_path):
    """Names as they are, the overlap in the table, the same bytes twice; no mistake is a sheet that says so."""
    wrong = pd.DataFrame(
        {"path": ["a.png", "b.png"], "true": ["x", "NA"], "predicted": ["NA", "y"], "confidence": [0.9, 0.6]}
    )
    made = [looked(by_hand(False), images(2), wrong, ["x", "NA", "y"]) for _ in range(2)]
    for place, (_, tiles) in enumerate(made):
        write_sheet(tmp_path / f"{place}.png", [("", tiles)], COLUMNS)
    table, tiles = made[0]

    assert [tile.lines[:2] for tile in tiles[:3]] == [("x", "→ NA"), ("for", "NA"), ("for", "x")]
    assert table["overlap"].between(0, 1).all() and list(table["path"]) == ["a.png", "b.png"]
    assert (tmp_path / "0.png").read_bytes() == (tmp_path / "1.png").read_bytes()
    assert looked(by_hand(False), images(0), wrong.head(0), ["x", "NA", "y"])[1] == []


def test_where_there_is_no_heat_the_picture_is_as_it_was():
    """And the hottest place is bright."""
    heat = np.zeros((48, 48), np.float32)
    heat[:, :20] = 1
    found = overlaid(np.asarray(fitted(np.full((24, 24, 3), 60, np.uint8), TILE)), heat)

    assert found.shape == (96, 96, 3)
    assert (found[:, 50:] == 60).all()
    assert found[50, 10, 0] > 180
