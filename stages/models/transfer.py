"""transfer: dense layers on the features of a backbone; then, if wanted, a second phase that trains its last blocks.

With nothing done to the images, the layers are trained on the stored features, which is about a hundred times cheaper
an epoch; otherwise the frozen backbone runs in the loop. What is saved is the whole network, from raw images on.
"""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from stages.core.settings.augment_options import Augment
from stages.core.settings.options import Count, Fraction, Positive, Section

if TYPE_CHECKING:
    from stages.core.images.packs import Statistics

INPUTS = ("features",)


class Dense(Section):
    """One hidden layer."""

    units: Count
    batch_norm: bool = Field(description="before the activation")
    activation: Literal["relu", "gelu", "silu", "elu", "tanh"]
    dropout: Fraction = Field(description="after the activation")


class Unfreeze(Section):
    """A second phase, in which the end of the backbone is trained too; its batch norm stays as it is."""

    blocks: Count = Field(description="how many, from the end; with all that comes after the first of them")
    epochs: Count = Field(description="of this phase, after those of `fit`")
    rate: Positive = Field(description="highest learning rate of this phase; well below that of `fit`")
    augment: Augment | None = Field(
        description="random changes of this phase alone, so that the first can use stored features; null: as in fit"
    )


class Options(Section):
    """Hidden layers, and whether the backbone stays frozen."""

    dense: list[Dense] = Field(description="hidden layers; may be empty")
    dropout: Fraction = Field(description="before the last layer")
    unfreeze: Unfreeze | None = Field(description="null leaves the backbone as it is")


def build(options: Options, input_shape: tuple[int, ...], n_classes: int, statistics: "Statistics") -> Any:
    """Return the head: from features float32 [N, F] or [N, h, w, c] to probabilities float32 [N, K]."""
    import keras

    from stages.core.training.layers import layers, probabilities_out

    inputs = keras.Input(input_shape, name="features")
    x = layers.Flatten()(inputs) if len(input_shape) > 1 else inputs
    for dense in options.dense:
        x = layers.Dense(dense.units, use_bias=not dense.batch_norm)(x)
        x = layers.BatchNormalization()(x) if dense.batch_norm else x
        x = layers.Activation(dense.activation)(x)
        x = layers.Dropout(dense.dropout)(x) if dense.dropout else x
    x = layers.Dropout(options.dropout)(x) if options.dropout else x
    return keras.Model(inputs, probabilities_out(x, n_classes), name="transfer")
