"""basic_resnet: a residual network of basic blocks, two 3 x 3 convolutions each; expresses small published ResNets.

After He et al. 2016. Where a block changes size or width, a 1 x 1 convolution does so on the way around it.
"""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from stages.core.settings.options import Count, Section

if TYPE_CHECKING:
    from stages.core.images.packs import Statistics

INPUTS = ("images",)


class Block(Section):
    """Two convolutions, and the way around them."""

    filters: Count
    stride: Count = Field(description="of the first convolution; 1 keeps the size")


class Options(Section):
    """A convolution, blocks, a pool and one dense layer."""

    stem: Count = Field(description="filters of the first convolution, 3 x 3")
    blocks: list[Block] = Field(min_length=1)
    activation: Literal["relu", "gelu", "silu"]
    pool: Count = Field(description="side of the average pool before the dense layer")


def build(options: Options, input_shape: tuple[int, ...], n_classes: int, statistics: "Statistics") -> Any:
    """Return a model from uint8 [N, H, W, C] to probabilities float32 [N, K]."""
    import keras

    from stages.core.training.layers import layers, pixels_in, probabilities_out

    inputs, x = pixels_in(input_shape, statistics)
    x = layers.Activation(options.activation)(normed(x, options.stem, 3, 1))
    for block in options.blocks:
        x = residual(x, block, options.activation)
    x = layers.Flatten()(layers.AveragePooling2D(options.pool, padding="same")(x))
    return keras.Model(inputs, probabilities_out(x, n_classes), name="basic_resnet")


def residual(x: Any, block: Block, activation: str) -> Any:
    """Apply one block."""
    from stages.core.training.layers import layers

    inner = layers.Activation(activation)(normed(x, block.filters, 3, block.stride))
    inner = normed(inner, block.filters, 3, 1)
    if block.stride > 1 or x.shape[-1] != block.filters:
        x = normed(x, block.filters, 1, block.stride)
    return layers.Activation(activation)(layers.Add()([x, inner]))


def normed(x: Any, filters: int, kernel: int, stride: int) -> Any:
    """Apply a convolution that leaves the bias to the batch norm after it."""
    from stages.core.training.layers import layers

    x = layers.Conv2D(filters, kernel, stride, "same", use_bias=False, kernel_initializer="he_normal")(x)
    return layers.BatchNormalization()(x)
