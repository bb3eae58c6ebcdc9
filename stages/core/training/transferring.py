"""Train a head on a backbone: on stored features where that is the same, else with the backbone in the loop.

Then, where asked, the backbone's last blocks with it, at a rate of their own.
"""

import re
from dataclasses import replace
from typing import Any

import pandas as pd

from stages.core.candidates import model_file
from stages.core.images.packs import Pack
from stages.core.settings.entries import Entry
from stages.core.settings.fit_options import Fit
from stages.core.training import fitting
from stages.core.training.data import Data, TrainingFailed
from stages.core.training.feature_files import Features
from stages.core.training.fitting import Trained
from stages.core.training.session import Session

# names of blocks in keras.applications: block_3_, block3_, block3a_, conv4_block2_, conv_dw_7_, stage_2_block_1_
BLOCK = re.compile(
    r"(conv\d+_block\d+|stage_\d+_block_\d+|(?:expanded_conv|block)_?\d+[a-z]?|(?<=conv_)(?:dw|pw|pad)_\d+)(?=_|$)"
)


def train(head: Any, entry: Entry, fit: Fit, data: Data, session: Session) -> Trained:
    """Train a built head in one phase, or in two; session.where is the entry's place. Raises TrainingFailed."""
    from stages.core.training.finishing import finished

    unfreeze, where, features = entry.options.unfreeze, session.where, features_of(data)
    backbone = model_file.load(features.backbone)
    start = first_unfrozen(network_of(backbone), unfreeze.blocks, f"{where}.unfreeze.blocks") if unfreeze else 0
    trained = first_phase(head, backbone, fit, data, session)
    if not unfreeze:
        one = trained.head is not None and fit.views == "none"
        return replace(trained, model=finished(trained.model, fit.views), head=trained.head if one else None)
    release(network_of(trained.model), start)
    optimizer = fit.optimizer.model_copy(update={"rate": unfreeze.rate})
    changes = {"epochs": unfreeze.epochs, "optimizer": optimizer, "augment": unfreeze.augment or fit.augment}
    session.where = f"{where}.unfreeze"
    return fitting.train(trained.model, fit.model_copy(update=changes), data, session)


def first_phase(head: Any, backbone: Any, fit: Fit, data: Data, session: Session) -> Trained:
    """Train the head: on stored features where that is the same, and not at all where a later phase was kept."""
    where, one_view, features = session.where, fit.model_copy(update={"views": "none"}), features_of(data)
    later = session.left_in(f"{where}.unfreeze")
    if later:
        session.tell(later.about["rows"][: later.about["n_before"]])
        return Trained(whole(backbone, head), pd.DataFrame(session.rows))
    session.where = f"{where}.fit"
    if not on_stored(fit, features):
        return fitting.train(whole(backbone, head), one_view, data, session)
    trained = fitting.train(head, one_view, with_features(data, features), session)
    return replace(trained, model=whole(backbone, trained.model), head=trained.head or trained.model)


def on_stored(fit: Fit, features: Features) -> bool:
    """Whether the features of an image are the same in every epoch, and there."""
    return fit.augment.nothing and not fit.image_sizes and bool(features.splits)


def features_of(data: Data) -> Features:
    """Return the features of the data. Raises ValueError when it was loaded for an entry that takes images."""
    if data.features is None:
        raise ValueError("the data holds no features")
    return data.features


def with_features(data: Data, features: Features) -> Data:
    """Return the data with the stored features in place of the images."""

    def swapped(pack: Pack, split: str) -> Pack:
        return replace(pack, images=features.stored(split))

    test = swapped(data.test, "test") if data.test else None
    return replace(data, train=swapped(data.train, "train"), val=swapped(data.val, "val"), test=test)


def whole(backbone: Any, head: Any) -> Any:
    """Return a model from images to probabilities: a copy of the head, a chain of layers, on the backbone itself.

    Its layers stand in the model one by one, so that what goes into the last of them can be looked at.
    """
    import keras

    x, copies = backbone.output, [type(layer).from_config(layer.get_config()) for layer in head.layers[1:]]
    for copy in copies:
        x = copy(x)
    for layer, copy in zip(head.layers[1:], copies, strict=True):
        copy.set_weights(layer.get_weights())
    return keras.Model(backbone.input, x, name=head.name)


def network_of(model: Any) -> Any:
    """Return the layer that holds the network of keras.applications."""
    return next(layer for layer in model.layers if hasattr(layer, "layers"))


def block_of(name: str) -> str | None:
    """Name of the block that a layer of keras.applications belongs to, or None: conv_dw_7_bn -> 7."""
    found = BLOCK.search(name)
    return re.sub(r"^(dw|pw|pad)_", "", found[1]) if found else None


def first_unfrozen(network: Any, n_blocks: int, where: str) -> int:
    """Place, among the network's layers, of the first of its last `n_blocks` blocks. Raises TrainingFailed on fewer."""
    starts: dict[str, int] = {}
    for place, layer in enumerate(network.layers):
        block = block_of(layer.name)
        if block is not None:
            starts.setdefault(block, place)
    places = sorted(starts.values())
    if n_blocks > len(places):
        raise TrainingFailed(f"{where} must be at most {len(places)}, the blocks of this backbone, got {n_blocks}")
    return places[-n_blocks]


def release(network: Any, start: int) -> None:
    """Make the layers from a place on trainable, but for batch norm, whose averages few images would only disturb."""
    import keras

    network.trainable = True
    for place, layer in enumerate(network.layers):
        layer.trainable = place >= start and not isinstance(layer, keras.layers.BatchNormalization)


def n_epochs(entry: Entry, fit: Fit) -> int:
    """Epochs of all phases of an entry."""
    unfreeze = getattr(entry.options, "unfreeze", None)
    return fit.epochs + (unfreeze.epochs if unfreeze else 0)


def unseen(trained: Trained, data: Data, fit: Fit) -> dict[str, Pack]:
    """Return the splits that a fit did not see, as what predicts them takes them."""
    return (data if trained.head is None else with_features(data, features_of(data))).unseen(fit)
