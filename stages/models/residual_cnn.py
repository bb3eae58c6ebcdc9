"""residual_cnn: our strong, fast default: a wide-stride stem and stages of basic residual blocks.

He et al. 2016 (basic block); the strided stem saves most of the work, because first layers with few channels
run at a fifth of a CPU's peak (docs/log.md).
"""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from stages.core.options import Count, Fraction, Section

if TYPE_CHECKING:
    from stages.core.packing import Statistics


class Stem(Section):
    """The first convolution."""

    filters: Count
    kernel: Count = Field(description="side, pixels")
    stride: Count = Field(description="4 suits 64-pixel images, 1 tiny ones")


class Stage(Section):
    """Residual blocks of one width."""

    filters: Count
    blocks: Count
    stride: Count = Field(description="of the first block")


class Options(Section):
    """A stem, then stages."""

    stem: Stem
    stages: list[Stage] = Field(min_length=1)
    activation: Literal["relu", "gelu", "silu"]
    norm_momentum: Fraction = Field(description="of batch norm's running averages; short runs need less than 0.99")
    dropout: Fraction = Field(description="before the last layer")


def build(options: Options, input_shape: tuple[int, ...], n_classes: int, statistics: "Statistics") -> Any:
    """Return a model from uint8 [N, H, W, C] to probabilities float32 [N, K]."""
    import keras

    from stages.core.layers import layers, pixels_in, probabilities_out

    inputs, x = pixels_in(input_shape, statistics)
    x = activated(convolved(x, options.stem.filters, (options.stem.kernel, options.stem.stride), options), options)
    for stage in options.stages:
        for index in range(stage.blocks):
            x = block(x, stage.filters, stage.stride if index == 0 else 1, options)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(options.dropout)(x) if options.dropout else x
    return keras.Model(inputs, probabilities_out(x, n_classes), name="residual_cnn")


def block(x: Any, filters: int, stride: int, options: Options) -> Any:
    """Two 3 x 3 convolutions and a shortcut, which is projected only where the shape changes."""
    from stages.core.layers import layers

    y = activated(convolved(x, filters, (3, stride), options), options)
    y = convolved(y, filters, (3, 1), options)
    if stride > 1:  # averaged before it is projected, so that no pixel is dropped (He et al. 2019, ResNet-D)
        x = layers.AveragePooling2D(stride, padding="same")(x)
    if x.shape[-1] != filters:
        x = convolved(x, filters, (1, 1), options)
    return activated(layers.Add()([x, y]), options)


def convolved(x: Any, filters: int, shape: tuple[int, int], options: Options) -> Any:
    """Convolution and batch norm; `shape` is (kernel, stride)."""
    from stages.core.layers import layers

    kernel, stride = shape
    x = layers.Conv2D(filters, kernel, stride, "same", use_bias=False, kernel_initializer="he_normal")(x)
    return layers.BatchNormalization(momentum=options.norm_momentum)(x)


def activated(x: Any, options: Options) -> Any:
    """Apply the activation."""
    from stages.core.layers import layers

    return layers.Activation(options.activation)(x)
