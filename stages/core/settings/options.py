"""The sections of params.yaml as frozen types: every field has a range and a meaning, none has a default."""

import codecs
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


def known_encoding(name: str) -> str:
    """Raise ValueError for an encoding that Python does not know."""
    try:
        codecs.lookup(name)
    except LookupError:
        raise ValueError(
            f"no encoding is called {name!r}; there are utf-8, cp932, gbk, big5, euc-kr, cp1251 …"
        ) from None
    return name


Fraction = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Uri = Annotated[str, Field(min_length=1)]
Uris = Uri | Annotated[list[Uri], Field(min_length=1)]
Missing = Annotated[
    list[str],
    Field(
        description='words that stand for nothing as a label, split or group, in any case of letters: ["nan", "none", '
        '"na", "n/a", "null", "<na>"]; [] where a class may be called so'
    ),
]
Encoding = Annotated[str, AfterValidator(known_encoding)] | None
Sha256s = Sha256 | list[Sha256 | None] | None
Seed = Annotated[int, Field(ge=1, lt=2**31)]  # keras-tuner takes 0 for "no seed"


def all_differ(seeds: list[int]) -> list[int]:
    """Raise ValueError for a seed that is named twice: it would pass for a training of its own."""
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"a seed can stand there once, got {seeds}")
    return seeds


Seeds = Annotated[list[Seed], Field(min_length=1), AfterValidator(all_differ)]


class Section(BaseModel):
    """A mapping of params.yaml: an unknown, missing or wrongly typed key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Download(Section):
    """Which data set, and what an archive from outside may hold."""

    dataset: str = Field(description="name of an entry of `datasets`")
    max_images: Count = Field(description="an archive with more members is refused")
    max_bytes: Count = Field(description="an archive that unpacks to more bytes is refused")
    max_ratio: Positive = Field(
        description="a member, or a whole archive, that unpacks to more than this times its size is refused"
    )


class Folders(Section):
    """What the folders above an image say, where that is not plain from their names."""

    splits: dict[str, Literal["train", "val", "test", "skip"] | None] = Field(
        description="folders that are splits by another name, e.g. {part1: train}; skip leaves images out, null says "
        "that a folder called like a split is none; {} where names such as train or test_set say it"
    )
    class_depth: int | None = Field(
        description="folder that names the class, splits not counted: 1 is the outermost, -1 the one an image lies in; "
        "null: the one it lies in, and an error where that is doubtful"
    )

    @model_validator(mode="after")
    def some_folder(self) -> "Folders":
        """Raise ValueError for level 0."""
        if self.class_depth == 0:
            raise ValueError(
                "class_depth counts from 1 (the outermost) or from -1 (the one an image lies in), not from 0"
            )
        return self


class GroupBy(Section):
    """Which images belong together, so that they never stand in two splits: at most one of these."""

    column: bool = Field(description="the group that the source itself gives an image, where it gives one")
    folder: int | None = Field(description="a folder of the path: 1 is the outermost, -1 the one the image lies in")
    regex: str | None = Field(description="a regular expression on the path; what its brackets find is the group")

    @model_validator(mode="after")
    def one_way(self) -> "GroupBy":
        """Raise ValueError for two ways at once, level 0, or an expression that finds nothing."""
        if self.column + (self.folder is not None) + (self.regex is not None) > 1:
            raise ValueError("takes one of column: true, folder and regex; set the others to false or null")
        if self.folder == 0:
            raise ValueError("folder counts from 1 (the outermost) or from -1 (the one the image lies in), not from 0")
        if self.regex is not None and not groups_in(self.regex):
            raise ValueError("regex needs brackets around what names the group, e.g. (patient[0-9]+)_")
        return self


def groups_in(expression: str) -> int:
    """Number of brackets in a regular expression. Raises ValueError when it is none."""
    try:
        return re.compile(expression).groups
    except re.error as error:
        raise ValueError(f"regex {expression!r} is no regular expression: {error}") from error


class NearCopies(Section):
    """When two pictures are nearly the same: alike in form, alike in colour, and not merely flat."""

    min_contrast: Annotated[float, Field(ge=0)] = Field(
        description="standard deviation of luma; flatter images are alone"
    )
    min_correlation: Annotated[float, Field(gt=0, le=1)] = Field(
        description="of the thumbnails, each at its own contrast"
    )
    max_difference: Annotated[float, Field(ge=0)] = Field(description="between the thumbnails, in units of 0-255")
    min_whitened_correlation: Annotated[float, Field(ge=0, lt=1)] = Field(
        description="the same, once what is common to the set is taken away"
    )
    max_chance_pairs: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="pairs an image that chance may bring: an aligned set is asked for a higher whitened correlation"
    )
    neighbours: Count = Field(description="candidates an image; bounds the work where thousands are alike")
    max_cluster_share: Fraction = Field(
        description="share of its class above which a cluster is a finding, not a group"
    )
    max_cluster_size: Count = Field(description="images up to which a cluster is a group, whatever its share")


class Split(Section):
    """How images without a predefined split are divided, and which of them must stay together."""

    seed: Seed = Field(description="which images go where")
    val_fraction: Annotated[float, Field(gt=0, lt=1)] = Field(description="share of each class that chooses models")
    test_fraction: Fraction = Field(description="share of each class that is only measured; 0 for none")
    group_by: GroupBy
    near_copies: NearCopies | None = Field(description="null: only equal pixels are copies")

    @model_validator(mode="after")
    def leave_some_for_training(self) -> "Split":
        """Raise ValueError when validation and test take everything."""
        if self.val_fraction + self.test_fraction >= 1:
            raise ValueError("val_fraction + test_fraction must be below 1, so that images are left to train on")
        return self


class Normalize(Section):
    """The one size and colour that every image gets."""

    height: Count = Field(description="pixels")
    width: Count = Field(description="pixels")
    channels: Literal["rgb", "grey"] = Field(description="colour model of the packed images")
    fit: Literal["stretch", "crop", "pad"] = Field(description="how another aspect ratio is met")
    resample: Literal["nearest", "bilinear", "bicubic", "lanczos"] = Field(description="filter when resizing")


class Prune(Section):
    """When a trial is given up: its best objective so far is worse than that of the trials before it."""

    after: Count = Field(description="epochs that every trial gets")
    below: Literal["median"] = Field(description="of the trials of earlier batches at that epoch (Golovin et al. 2017)")


class Tune(Section):
    """The search around one entry of `models`; trial 1 is the entry as written where that lies in the space."""

    input: str = Field(description="what the entry takes, once more: dvc.yaml can't look it up there")
    method: Literal["random", "grid", "bayesian", "hyperband"] = Field(description="who proposes the next trials")
    budget: Annotated[dict[Literal["trials", "epochs", "minutes"], Count], Field(min_length=1, max_length=1)] = Field(
        description="how many trials, epochs of all trials together, or minutes: those do not repeat, and are marked"
    )
    epochs: Count | None = Field(description="epochs of a trial; null: the entry's own, or those that the space says")
    initial_points: Count = Field(description="bayesian: trials at random before it learns from results")
    batch: Count = Field(description="trials proposed at once, before any result of them is known")
    workers: Count = Field(description="processes that train the trials of a batch; never changes a result")
    prune: Prune | None = Field(description="null gives every trial all its epochs")
    objective: Literal["val_accuracy", "val_loss"] = Field(description="what the search improves")
    seed: Seed = Field(description="of the proposals")
    keep_models: Literal["all"] | Count = Field(description="all, or the best k, to save disk")
    space: dict[str, Any] = Field(
        description="mirrors the entry; a leaf is {min, max, scale: linear|log}, with step where wanted, "
        "{choices: [...]}, or, in the place of a list, {length: {min, max}, each: ...}"
    )

    @model_validator(mode="after")
    def learn_from_something(self) -> "Tune":
        """Raise ValueError when a bayesian search would end before it begins to learn."""
        trials = self.budget.get("trials")
        if self.method == "bayesian" and trials is not None and trials <= self.initial_points:
            raise ValueError(f"budget.trials must be above initial_points ({self.initial_points}), got {trials}")
        return self

    @model_validator(mode="after")
    def fits_together(self) -> "Tune":
        """Raise ValueError for idle workers, and for epochs or pruning named at two places."""
        if self.workers > self.batch:
            raise ValueError(f"workers must be at most batch ({self.batch}): more would idle, got {self.workers}")
        fit = self.space.get("fit")
        if isinstance(fit, dict) and "epochs" in fit and self.epochs is not None:
            raise ValueError("epochs must be null where the space varies fit.epochs")
        if self.method == "hyperband" and (self.epochs is None or self.prune):
            raise ValueError("hyperband shares out epochs itself: epochs must be a number and prune must be null")
        return self


class Runtime(Section):
    """What changes bits or speed but not the method; recorded with every model."""

    threads: Count = Field(description="of TensorFlow; another count gives other weights")
    onednn: bool = Field(description="1.2-1.9 x faster on a CPU; other bits")
    determinism: Literal["strict", "fast"] = Field(description="strict: the same bytes again, up to 4 % slower")


class Fitting(Section):
    """How all trainings are kept while they run; it changes no result, so no node depends on it."""

    checkpoint_every_s: Annotated[float, Field(ge=0)] = Field(
        description="seconds of work that a kill may cost at most; 0 keeps every step"
    )


class Tracking(Section):
    """How MLflow is reached."""

    timeout_s: Count = Field(description="seconds a call to the server may take")
    system_metrics_every_s: Count | None = Field(
        description="seconds between two samples of CPU, memory, disk and GPU in each run, or null for none"
    )
