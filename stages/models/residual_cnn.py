"""residual_cnn: our strong, fast default: a strided stem, then stages that pool early and add residual blocks.

After He et al. 2016 (residual learning) and Page 2018 (DAWNBench's fast CIFAR-10 network: convolve, pool, then
residual blocks). On EuroSAT it reached more per CPU second than basic blocks with strided convolutions (docs/log.md).
"""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from stages.core.settings.options import Count, Fraction, Section

if TYPE_CHECKING:
    import numpy as np

    from stages.core.images.packs import Statistics

INPUTS = ("images",)
STEM = "stem"
PATCHES = 100_000  # looked at, or up to twice as many
EPSILON = 1e-2  # added to the variance of a component: keeps the noise of the faintest ones small


class Stem(Section):
    """The first convolution; with few channels it runs far below a CPU's peak, so a stride pays."""

    filters: Count
    kernel: Count = Field(description="side, pixels")
    stride: Count = Field(description="4 or 2 suits 64-pixel images, 1 tiny ones")
    whiten: bool = Field(description="fixed kernels, the principal patches of train images (Jordan 2024)")
    normed: bool = Field(description="batch norm and the activation after it")


class Stage(Section):
    """A convolution to a new width and a max pool, then residual blocks."""

    filters: Count
    pool: Count = Field(description="side of the pool; 1 keeps the size")
    blocks: int = Field(ge=0, description="residual blocks after the pool")


class Options(Section):
    """A stem, then stages."""

    stem: Stem
    stages: list[Stage] = Field(min_length=1)
    convolutions: Count = Field(description="3 x 3 convolutions in a residual block")
    activation: Literal["relu", "gelu", "silu"]
    norm_momentum: Fraction = Field(description="of batch norm's running averages; short runs need less than 0.99")
    dropout: Fraction = Field(description="before the last layer")


def build(options: Options, input_shape: tuple[int, ...], n_classes: int, statistics: "Statistics") -> Any:
    """Return a model from uint8 [N, H, W, C] to probabilities float32 [N, K]."""
    import keras

    from stages.core.training.layers import layers, pixels_in, probabilities_out, raw_pixels_in

    stem = options.stem
    inputs, x = raw_pixels_in(input_shape) if stem.whiten else pixels_in(input_shape, statistics)
    x = first_convolution(stem)(x)
    x = normed(x, options) if stem.normed else x
    for stage in options.stages:
        x = convolved(x, stage.filters)
        x = layers.MaxPooling2D(stage.pool, padding="same")(x) if stage.pool > 1 else x
        x = normed(x, options)
        for _ in range(stage.blocks):
            x = layers.Add()([x, block(x, stage.filters, options)])
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(options.dropout)(x) if options.dropout else x
    return keras.Model(inputs, probabilities_out(x, n_classes), name="residual_cnn")


def first_convolution(stem: Stem) -> Any:
    """Return the stem's layer; a whitening one has a bias and is frozen, so that no gradient is taken of it."""
    from stages.core.training.layers import layers

    return layers.Conv2D(
        stem.filters,
        stem.kernel,
        stem.stride,
        "same",
        use_bias=stem.whiten,
        kernel_initializer="he_normal",
        trainable=not stem.whiten,
        name=STEM,
    )


def initialize(model: Any, options: Options, images: "np.ndarray") -> None:
    """Set a whitening stem. images: uint8 [N, H, W, C], some of train.

    Its kernels are the strongest principal components of the patches, each at variance 1, then the same with the
    other sign; the bias takes their mean away. Raises ValueError for more filters than there are.
    """
    if options.stem.whiten:
        kernel = whitening(images, options.stem.kernel, options.stem.filters)
        model.get_layer(STEM).set_weights(
            [kernel, -(kernel * images.mean(axis=(0, 1, 2))[:, None]).sum(axis=(0, 1, 2))]
        )


def whitening(images: "np.ndarray", side: int, n_filters: int) -> "np.ndarray":
    """Kernels float32 [side, side, C, n_filters] for raw pixels."""
    import numpy as np

    spread = np.maximum(images.std(axis=(0, 1, 2)), 0.03)
    patches = np.lib.stride_tricks.sliding_window_view(images, (side, side), axis=(1, 2))[:, ::3, ::3]
    rows = patches.transpose(0, 1, 2, 4, 5, 3).reshape(-1, side * side * images.shape[3])
    rows = rows[:: max(1, len(rows) // PATCHES)] / np.tile(spread, side * side)
    if n_filters > 2 * rows.shape[1]:
        raise ValueError(f"stem.whiten gives at most {2 * rows.shape[1]} filters of side {side}, got {n_filters}")
    variances, components = np.linalg.eigh(np.cov(rows, rowvar=False))
    kernels = (components / np.sqrt(variances.clip(0) + EPSILON))[:, ::-1]  # the strongest first
    kernels = np.concatenate([kernels, -kernels], axis=1)[:, :n_filters]
    return (kernels.reshape(side, side, -1, n_filters) / spread[:, None]).astype(np.float32)


def block(x: Any, filters: int, options: Options) -> Any:
    """Return what a residual block adds to x."""
    for _ in range(options.convolutions):
        x = normed(convolved(x, filters), options)
    return x


def convolved(x: Any, filters: int) -> Any:
    """Apply a 3 x 3 convolution that leaves the bias to the batch norm after it."""
    from stages.core.training.layers import layers

    return layers.Conv2D(filters, 3, 1, "same", use_bias=False, kernel_initializer="he_normal")(x)


def normed(x: Any, options: Options) -> Any:
    """Apply batch norm and the activation."""
    from stages.core.training.layers import FastNorm, layers

    return layers.Activation(options.activation)(FastNorm(momentum=options.norm_momentum)(x))
