"""Transfer: stored features and the whole network say the same; a second phase trains the last blocks, and only those."""

from dataclasses import replace

import numpy as np
import pytest

from stages.core.candidates import model_file
from stages.core.errors import UserError
from stages.core.files import write_json
from stages.core.images.packs import Pack, Statistics
from stages.core.layout import PROJECT
from stages.core.settings.backbone_options import Backbone
from stages.core.settings.entries import entry
from stages.core.settings.params import read_yaml
from stages.core.training import fitting, transferring
from stages.core.training.checkpoints import Checkpoint
from stages.core.training.data import Data, TrainingFailed
from stages.core.training.feature_files import read_features, write_split
from stages.core.training.session import Session
from stages.core.training.transferring import block_of

CLASSES = ["cat", "dog", "eel"]
WRITTEN = read_yaml(PROJECT / "recipes/trashnet_transfer.yaml")["models"]["bottleneck"]
SMALL = Backbone(
    backbone="MobileNetV2", arguments={"alpha": 0.35}, weights=None, seed=1, height=32, width=32, pooling="average",
    store=True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("layer", "block"),
    [
        ("block_12_depthwise_BN", "block_12"),  # MobileNetV2
        ("block5_conv3", "block5"),  # VGG16, Xception
        ("block6d_se_excite", "block6d"),  # EfficientNet
        ("conv5_block3_2_bn", "conv5_block3"),  # ResNet, DenseNet
        ("conv_pw_13_relu", "13"),  # MobileNet: depthwise and pointwise are one block
        ("conv_dw_13", "13"),
        ("expanded_conv_10_project", "expanded_conv_10"),  # MobileNetV3
        ("convnext_tiny_stage_2_block_1_gelu", "stage_2_block_1"),
        ("Conv_1_bn", None),
        ("conv2d_7", None),
        ("post_relu", None),
    ],
)
def test_a_block_is_what_shares_the_start_of_its_name(layer, block):
    """By the names of keras.applications; a layer outside of blocks belongs to none."""
    assert block_of(layer) == block


slow = pytest.mark.slow


@pytest.fixture(scope="module", params=[1, 3], ids=["grey", "rgb"])
def data(request, tmp_path_factory):
    """Images of three classes that differ in brightness, and what a small random backbone sees in them."""
    from stages.core.training.backbones import extractor, seer

    rng, labels, shape = np.random.default_rng(1), np.arange(70) % 3, (20, 24, request.param)
    images = (rng.random((70, *shape)) * 60 + labels[:, None, None, None] * 70).astype(np.uint8)
    pack = Pack(images, labels, [f"{i}.png" for i in range(70)])
    model, folder = extractor("net", SMALL, shape, None), tmp_path_factory.mktemp("net")
    model_file.save(model, folder / "backbone.keras")
    for split in ("train", "val", "test"):
        write_split(seer(model), pack.images, folder / f"{split}.npy", model.output.shape[1:])
    write_json(folder / "about.json", {"feature_shape": model.output.shape[1:]})
    features = read_features("net", folder)
    return Data(pack, pack, pack, CLASSES, Statistics([90.0], [3000.0]), {}, features)


def item(**changes):
    """An entry of two epochs; `fit` in the changes is merged."""
    fit = {**WRITTEN["fit"], "epochs": 2, "batch_size": 16, **changes.pop("fit", {})}
    return entry("models", "tried", {**WRITTEN, **changes, "fit": fit})


def trained(made, data):
    head = fitting.build(made.module("models"), made.options, made.fit, data)
    rows = []
    result = transferring.train(
        head, made, made.fit, data, Session(lambda epoch, row: rows.append(epoch), "models.tried")
    )
    return result, rows


def inner(model):
    """Weights of the backbone's network, by the name of their layer."""
    return {layer.name: layer.get_weights() for layer in transferring.network_of(model).layers if layer.weights}


@slow
@pytest.mark.parametrize("data", [1, 3], indirect=True)
def test_the_stored_features_are_what_the_saved_backbone_sees(data):
    """Written in batches of 64, read back from a map."""
    backbone = model_file.load(data.features.backbone)
    seen = backbone.predict(data.val.images, verbose=0)

    assert seen.dtype == np.float32 and seen.shape == (70, 1280)
    np.testing.assert_allclose(data.features.stored("val"), seen, atol=1e-5)


@slow
def test_a_head_on_stored_features_predicts_as_the_whole_saved_network(data, tmp_path):
    """So a candidate's predictions are those of its model, though the backbone never ran."""
    result, epochs = trained(item(), data)
    model_file.save(result.model, tmp_path / "model.keras")
    whole = model_file.load(tmp_path / "model.keras")
    packs = transferring.unseen(result, data, item().fit)

    assert epochs == [1, 2] and result.head is not None and packs["val"].images.shape == (70, 1280)
    said = fitting.predict(result.head, packs["val"], 3)
    np.testing.assert_allclose(said, fitting.predict(whole, data.val, 3), atol=1e-5)


@slow
def test_in_the_loop_and_on_stored_features_one_trains_the_same(data):
    """Without changed images both ways reach the same weights, but for rounding; the backbone keeps its own."""
    made = item(dropout=0.0, fit={"keep": "last"})
    stored, _ = trained(made, data)
    looped, _ = trained(made, replace(data, features=replace(data.features, splits={})))
    before = inner(model_file.load(data.features.backbone))

    assert looped.head is None
    for name, weights in inner(looped.model).items():
        assert all(np.array_equal(a, b) for a, b in zip(weights, before[name], strict=True)), name
    said = [fitting.predict(result.model, data.val, 3) for result in (stored, looped)]
    np.testing.assert_allclose(*said, atol=2e-3)


@slow
@pytest.mark.parametrize("augment", [{}, {"flip": "horizontal"}])
def test_a_second_phase_trains_the_last_blocks_but_no_batch_norm(data, augment):
    """Its epochs are counted on, at its own rate; everything before the blocks keeps its weights."""
    made = item(
        unfreeze={"blocks": 2, "epochs": 1, "rate": 1e-2, "augment": None},
        fit={"augment": {**WRITTEN["fit"]["augment"], **augment}},
    )
    result, epochs = trained(made, data)
    before, after = inner(model_file.load(data.features.backbone)), inner(result.model)
    moved = {name for name in before if not all(map(np.array_equal, before[name], after[name]))}

    assert epochs == [1, 2, 3] and list(result.history["epoch"]) == [1, 2, 3] and result.head is None
    assert result.history["learning_rate"].iloc[-1] == pytest.approx(1e-2)
    assert moved == {
        *(f"block_{n}_{part}" for n in (15, 16) for part in ("expand", "depthwise", "project")), "Conv_1",
    }  # fmt: skip


@slow
def test_more_blocks_than_there_are_is_a_sentence(data):
    """Before anything is trained."""
    with pytest.raises(TrainingFailed, match=r"models\.tried\.unfreeze\.blocks must be at most 16, .* got 40"):
        trained(item(unfreeze={"blocks": 40, "epochs": 1, "rate": 1e-4, "augment": None}), data)


@slow
def test_views_are_averaged_in_the_saved_model(data):
    """The head is trained on stored features, and the model looks at each image twice."""
    result, _ = trained(item(fit={"views": "horizontal"}), data)
    one = fitting.predict(result.model, data.val, 3)
    mirrored = replace(data.val, images=np.ascontiguousarray(data.val.images[:, :, ::-1]))

    assert result.head is None
    np.testing.assert_allclose(one, fitting.predict(result.model, mirrored, 3), atol=1e-5)


def test_features_that_are_not_stored_are_asked_for(tmp_path):
    """By the key that would store them."""
    write_json(tmp_path / "about.json", {"feature_shape": [4]})
    with pytest.raises(UserError, match=r"backbones\.net\.store must be true"):
        read_features("net", tmp_path).stored("train")


def test_a_backbone_that_has_not_run_names_its_stage(tmp_path):
    """`dvc repro features@net`."""
    with pytest.raises(UserError, match="run `dvc repro features@net`"):
        read_features("net", tmp_path)


@slow
@pytest.mark.parametrize("data", [3], indirect=True)
@pytest.mark.parametrize(("flip", "broken_at"), [(None, 3), (None, 13), ("horizontal", 13)])
def test_a_phase_that_is_broken_off_goes_on_with_the_same_bits(data, flip, broken_at, tmp_path):
    """In the first phase or the second, on stored features or in the loop; a phase that ended is not trained again."""
    import keras

    unfreeze = {"blocks": 2, "epochs": 2, "rate": 0.001, "augment": None}
    changes = {"fit": {"augment": {**WRITTEN["fit"]["augment"], "flip": flip}}} if flip else {}
    made = item(unfreeze=unfreeze, dropout=0.3, **changes)

    def run(path, steps):
        left, told = [steps], []

        def count(batch, logs):
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt

        session = Session(lambda epoch, row: told.append(epoch), "models.tried", Checkpoint(path, 0))
        session.callbacks.append(keras.callbacks.LambdaCallback(on_train_batch_end=count))
        head = fitting.build(made.module("models"), made.options, made.fit, data)
        return transferring.train(head, made, made.fit, data, session), told, steps - left[0]

    whole, told, n_steps = run(None, 10**6)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "kept", broken_at)
    again, told_again, n_left = run(tmp_path / "kept", 10**6)

    assert all(map(np.array_equal, whole.model.get_weights(), again.model.get_weights()))
    assert whole.history.equals(again.history) and told == told_again == [1, 2, 3, 4]
    assert broken_at + n_left <= n_steps + 6, "an epoch has 5 steps"
