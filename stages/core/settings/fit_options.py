"""The `fit` section of an entry of `models` as frozen types: how a network is trained."""

import itertools
from typing import Annotated, Literal

from pydantic import Field, model_validator

from stages.core.settings.augment_options import Augment, ImageSize
from stages.core.settings.options import Count, Fraction, Positive, Section, Seeds


class Optimizer(Section):
    """The optimizer and its rate at the peak of the schedule."""

    name: Literal["sgd", "adam", "adamw", "adamax", "lion", "rmsprop"] = Field(description="a Keras optimizer")
    rate: Positive = Field(description="highest learning rate")
    momentum: Fraction = Field(description="Nesterov momentum; used by sgd and rmsprop")
    weight_decay: Annotated[float, Field(ge=0)] = Field(description="decoupled (Loshchilov & Hutter 2019), on kernels")
    clip_norm: Positive | None = Field(description="largest norm of the whole gradient, or null")


class Schedule(Section):
    """How the learning rate moves over the run."""

    name: Literal["constant", "cosine", "linear", "exponential"] = Field(description="shape after the warm-up")
    warmup: Fraction = Field(description="share of all steps that rise linearly to the rate")
    end: Annotated[float, Field(ge=0, le=1)] = Field(description="last rate as a share of the highest")
    decay_rate: Annotated[float, Field(gt=0, le=1)] | None = Field(description="exponential: factor a period")
    decay_steps: Count | None = Field(description="exponential: steps in a period")

    @model_validator(mode="after")
    def exponential_is_complete(self) -> "Schedule":
        """Raise ValueError when an exponential schedule lacks its two numbers."""
        if self.name == "exponential" and (self.decay_rate is None or self.decay_steps is None):
            raise ValueError("an exponential schedule needs decay_rate and decay_steps")
        return self


class EarlyStopping(Section):
    """When to stop before the last epoch."""

    monitor: Literal["val_loss", "val_accuracy"] = Field(description="what must improve")
    patience: Count = Field(description="epochs without improvement")


class ReduceOnPlateau(Section):
    """When to lower the rate of a constant schedule."""

    factor: Annotated[float, Field(gt=0, lt=1)] = Field(description="new rate / old rate")
    patience: Count = Field(description="epochs without a better val_loss")


class Balance(Section):
    """What is done against class imbalance while training."""

    method: Literal["none", "class_weight", "effective_number", "oversample", "focal"] = Field(
        description="weights of the loss, repeated images, or the focal loss"
    )
    beta: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        description="effective_number: the share of what is new in one more image fades as beta^n (Cui et al. 2019)"
    )
    gamma: Annotated[float, Field(ge=0)] | None = Field(
        description="focal: an image counts (1 - p)^gamma of its loss (Lin et al. 2017)"
    )

    @model_validator(mode="after")
    def has_its_number(self) -> "Balance":
        """Raise ValueError when the method lacks its number."""
        if self.method == "effective_number" and self.beta is None:
            raise ValueError("effective_number needs beta, e.g. 0.999")
        if self.method == "focal" and self.gamma is None:
            raise ValueError("focal needs gamma, e.g. 2.0")
        return self


class Fit(Section):
    """How one entry is trained."""

    seeds: Seeds = Field(
        description="of initial weights, order, augmentation, dropout: one training each; the first gives the model"
    )
    on: Literal["train", "train+val"] = Field(
        description="train+val: a last fit of settings that are settled, on both splits; it can't be chosen"
    )
    epochs: Count = Field(description="passes over the train images")
    batch_size: Count = Field(description="images a step")
    optimizer: Optimizer
    schedule: Schedule
    label_smoothing: Fraction = Field(description="Szegedy et al. 2016")
    balance: Balance
    ema: Fraction | None = Field(description="momentum of the moving average of weights that is kept, or null")
    augment: Augment
    image_sizes: list[ImageSize] | None = Field(description="train on smaller images first; null: always at full size")
    views: Literal["none", "horizontal", "dihedral"] = Field(
        description="mirrored views of an image whose probabilities the saved model averages; each costs a prediction"
    )
    keep: Literal["best", "last"] = Field(description="which epoch's weights: best val_accuracy / val_loss, or last")
    early_stopping: EarlyStopping | None = Field(description="null trains every epoch")
    reduce_on_plateau: ReduceOnPlateau | None = Field(description="null leaves the schedule alone")
    shuffle_block: Count = Field(
        description="rows moved together when shuffling: 1 in memory, 512 for data larger than it"
    )
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = Field(description="Keras dtype policy")
    xla: bool = Field(description="jit_compile: faster on a GPU, slower on a CPU")
    steps_per_execution: Count = Field(description="steps a call; helps only networks under 5 ms a step")

    @property
    def seed(self) -> int:
        """The seed of one training: the first."""
        return self.seeds[0]

    @model_validator(mode="after")
    def needs_no_validation(self) -> "Fit":
        """Raise ValueError for a setting that asks the validation images what a fit on them can't tell."""
        asking = {
            "keep: best": self.keep == "best",
            "early_stopping": self.early_stopping,
            "reduce_on_plateau": self.reduce_on_plateau,
        }
        asks = [name for name, asked in asking.items() if asked]
        if self.on == "train+val" and asks:
            raise ValueError(
                f"on: train+val leaves no images to validate on, which {' and '.join(asks)} would need; "
                "set keep: last, early_stopping: null and reduce_on_plateau: null"
            )
        return self

    @model_validator(mode="after")
    def fits_together(self) -> "Fit":
        """Raise ValueError for two settings that would undo each other."""
        if self.reduce_on_plateau and (self.schedule.name != "constant" or self.schedule.warmup):
            raise ValueError("reduce_on_plateau needs schedule.name: constant and schedule.warmup: 0")
        return self

    @model_validator(mode="after")
    def sizes_grow(self) -> "Fit":
        """Raise ValueError for sizes out of order, or an end of the run that is chosen among unlike epochs."""
        sizes = self.image_sizes or []
        for one, other in itertools.pairwise(sizes):
            if one.until >= other.until:
                raise ValueError(f"image_sizes must have until in ascending order, got {one.until}, {other.until}")
        if sizes and (self.keep == "best" or self.early_stopping or self.reduce_on_plateau):
            raise ValueError("image_sizes needs keep: last, early_stopping: null and reduce_on_plateau: null")
        return self
