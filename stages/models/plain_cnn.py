"""plain_cnn: blocks of convolutions with pooling, then dense layers; expresses the classic Keras classifiers."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from stages.core.settings.options import Count, Fraction, Section

if TYPE_CHECKING:
    from stages.core.images.packs import Statistics

Activation = Literal["relu", "gelu", "silu", "elu", "tanh"]
INPUTS = ("images",)


class Block(Section):
    """Some convolutions, then a pool."""

    filters: list[Count] = Field(description="one number a convolution", min_length=1)
    kernel: Count = Field(description="side of each convolution, pixels")
    padding: Literal["same", "valid"] = Field(description="same keeps the size")
    batch_norm: Literal["none", "conv", "pool"] = Field(description="after each convolution, or once after the pool")
    pool: Literal["max", "average", "none"] = Field(description="2 x 2, after the convolutions")
    dropout: Fraction = Field(description="at the end of the block")


class Dense(Section):
    """One hidden layer of the head."""

    units: Count
    batch_norm: bool
    dropout: Fraction


class Options(Section):
    """Blocks, then a head."""

    pixels: Literal["normalized", "unit"] = Field(
        description="at mean 0 and variance 1 of the train images, or divided by 255"
    )
    blocks: list[Block] = Field(min_length=1)
    activation: Activation = Field(description="after every convolution and hidden layer")
    flatten: Literal["all", "average"] = Field(description="all values of the last map, or their average a channel")
    dense: list[Dense] = Field(description="hidden layers; may be empty")
    l2: float = Field(ge=0, description="L2 penalty on every kernel")


def build(options: Options, input_shape: tuple[int, ...], n_classes: int, statistics: "Statistics") -> Any:
    """Return a model from uint8 [N, H, W, C] to probabilities float32 [N, K]."""
    import keras

    from stages.core.training.layers import layers, pixels_in, probabilities_out, unit_pixels_in

    inputs, x = unit_pixels_in(input_shape) if options.pixels == "unit" else pixels_in(input_shape, statistics)
    for block in options.blocks:
        x = convolve(x, block, options)
    x = layers.Flatten()(x) if options.flatten == "all" else layers.GlobalAveragePooling2D()(x)
    for dense in options.dense:
        x = layers.Dense(dense.units, options.activation, kernel_regularizer=penalty(options))(x)
        x = layers.BatchNormalization()(x) if dense.batch_norm else x
        x = layers.Dropout(dense.dropout)(x) if dense.dropout else x
    return keras.Model(inputs, probabilities_out(x, n_classes), name="plain_cnn")


def convolve(x: Any, block: Block, options: Options) -> Any:
    """Apply one block."""
    from stages.core.training.layers import layers

    for filters in block.filters:
        x = layers.Conv2D(filters, block.kernel, padding=block.padding, kernel_regularizer=penalty(options))(x)
        x = layers.BatchNormalization()(x) if block.batch_norm == "conv" else x
        x = layers.Activation(options.activation)(x)
    pools = {"max": layers.MaxPooling2D, "average": layers.AveragePooling2D}
    x = pools[block.pool]()(x) if block.pool != "none" else x
    x = layers.BatchNormalization()(x) if block.batch_norm == "pool" else x
    return layers.Dropout(block.dropout)(x) if block.dropout else x


def penalty(options: Options) -> Any:
    """Return the L2 regularizer, or None."""
    import keras

    return keras.regularizers.L2(options.l2) if options.l2 else None
