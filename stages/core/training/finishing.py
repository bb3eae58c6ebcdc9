"""A network as it is trained and as it is saved: other sizes of image, plain layers, averaged views."""

from typing import Any

import keras

from stages.core.training.cost import VIEWS
from stages.core.training.layers import FastNorm, layers

N_VIEWS = {"none": 1, "horizontal": 2, "dihedral": 8}


def any_size(model: Any) -> Any:
    """Return a copy of a model, weights included, that takes images of any size.

    Raises ValueError when its layers are tied to one size: it must be convolutions up to a global pool.
    """
    _, _, _, channels = model.input.shape
    image = keras.Input((None, None, channels), dtype=model.input.dtype, name=model.input.name)
    copy = keras.models.clone_model(model, input_tensors=image)
    copy.set_weights(model.get_weights())
    return copy


def finished(model: Any, views: str) -> Any:
    """Return the model to be saved: of Keras' own layers, and with the mean of its probabilities over views.

    The views stand behind one another in one batch, the image as it is first, so that each layer is called once and
    the whole stays one flat graph.
    """
    if views == "none" and not any(isinstance(layer, FastNorm) for layer in model.layers):
        return model
    image = model.input

    def call(layer: Any, *args: Any, **kwargs: Any) -> Any:
        first = args and args[0] is copied
        return layer(viewed(copied, views), *args[1:], **kwargs) if first else layer(*args, **kwargs)

    copied = keras.Input(image.shape[1:], dtype=image.dtype, name=image.name)
    bare = keras.Model(image, model.output)  # never compiled: a schedule can't be cloned
    copy = keras.models.clone_model(bare, input_tensors=copied, clone_function=plain, call_function=call)
    whole = keras.Model(copied, mean_of_views(copy.output, image, views), name=model.name)
    whole.set_weights(model.get_weights())
    return whole


def plain(layer: Any) -> Any:
    """Return a new layer like this one, without weights, of a class that Keras can load by itself."""
    kind = layers.BatchNormalization if isinstance(layer, FastNorm) else type(layer)
    return kind.from_config(layer.get_config())


def viewed(image: Any, views: str) -> Any:
    """Images [V * N, H, W, C] from [N, H, W, C]: mirrored left-right, then up-down, then transposed where square.

    An oblong can't be turned by 90 degrees: `dihedral` gives it the four mirrored views.
    """
    if views == "none":
        return image
    ops, found = keras.ops, [image]
    found += [ops.flip(view, axis=2) for view in found]
    if views == "dihedral":
        found += [ops.flip(view, axis=1) for view in found]
        found += [ops.transpose(view, (0, 2, 1, 3)) for view in found] if image.shape[1] == image.shape[2] else []
    return layers.Concatenate(axis=0, name=VIEWS)(found)


def mean_of_views(probabilities: Any, image: Any, views: str) -> Any:
    """Probabilities [N, K] from those of all views, [V * N, K]."""
    if views == "none":
        return probabilities
    n = 4 if views == "dihedral" and image.shape[1] != image.shape[2] else N_VIEWS[views]
    apart = keras.ops.reshape(probabilities, (n, -1, probabilities.shape[-1]))
    return keras.ops.mean(apart, axis=0)
