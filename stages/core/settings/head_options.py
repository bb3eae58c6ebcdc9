"""Classical methods of scikit-learn as frozen types: of a kind `classical`, and of the head of a stack."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from stages.core.settings.options import Count, Positive, Section, Seed, Seeds

Folds = Annotated[int, Field(ge=2, le=20)]


class CrossValidatedC(Section):
    """C chosen by cross-validation on the fitted rows of train (of a stack: on the rows that its head is fitted on)."""

    choices: Annotated[list[Positive], Field(min_length=2)] = Field(
        description="values to try; of equally good ones the smallest is taken: the strongest regularization"
    )
    folds: Folds = Field(description="classes evenly, groups and near copies undivided")
    seed: Seed = Field(description="of how train is divided into folds")

    @field_validator("choices")
    @classmethod
    def all_differ(cls, choices: list[float]) -> list[float]:
        """Raise ValueError for a value that is named twice."""
        if len(set(choices)) < len(choices):
            raise ValueError(f"must all differ, got {choices}")
        return choices


def form_of_c(value: object) -> str:
    """Tell a number from a mapping, by tags that messages leave out."""
    return "[choices]" if isinstance(value, dict | CrossValidatedC) else "float"


C = Annotated[
    Annotated[Positive, Tag("float")] | Annotated[CrossValidatedC, Tag("[choices]")], Discriminator(form_of_c)
]


class Svm(Section):
    """Support vector machine (Cortes & Vapnik 1995), one class against one."""

    name: Literal["svm"]
    kernel: Literal["linear", "rbf"] = Field(description="rbf bends; its cost grows with the square of the images")
    c: C = Field(description="what a violated margin costs; more fits closer: a number, or {choices, folds, seed}")
    gamma: Positive | None = Field(description="rbf: 1 / squared width; null is 1 / (dimensions x variance)")
    calibration_folds: Folds = Field(
        description="it has no probabilities of its own: one temperature, fitted out of fold (Guo et al. 2017)"
    )

    @model_validator(mode="after")
    def a_line_has_no_width(self) -> "Svm":
        """Raise ValueError for a width that would change nothing."""
        if self.kernel == "linear" and self.gamma is not None:
            raise ValueError("a linear kernel takes no gamma; set it to null")
        return self


class LogisticRegression(Section):
    """Multinomial logistic regression with an L2 penalty."""

    name: Literal["logistic_regression"]
    c: C = Field(description="1 / strength of the penalty: a number, or {choices, folds, seed} to choose it by")
    iterations: Count = Field(description="of L-BFGS at most")


class RandomForest(Section):
    """Random forest (Breiman 2001): the mean of trees on resampled images."""

    name: Literal["random_forest"]
    trees: Count
    depth: Count | None = Field(description="levels at most; null grows until the leaves are pure or small")
    min_leaf: Count = Field(description="images a leaf; more gives smoother probabilities and a smaller file")


class GradientBoosting(Section):
    """Gradient boosting on histograms (Ke et al. 2017, LightGBM): each tree mends what is left."""

    name: Literal["gradient_boosting"]
    rounds: Count = Field(description="each grows a tree a class")
    rate: Positive = Field(description="share of each tree that is taken")
    leaves: Annotated[int, Field(ge=2)] = Field(description="leaves a tree at most")
    min_leaf: Count = Field(description="images a leaf")
    l2: Annotated[float, Field(ge=0)] = Field(description="penalty on the values of leaves")


Head = Annotated[Svm | LogisticRegression | RandomForest | GradientBoosting, Field(discriminator="name")]


class HeadFit(Section):
    """The `fit` section of an entry that is no network."""

    seeds: Seeds = Field(
        description="of what is drawn (folds, trees, images left out): one fit each; the first gives the model"
    )
    on: Literal["train", "train+val"] = Field(
        description="train+val: a last fit of settings that are settled, on both splits; it can't be chosen"
    )
    balance: Literal["none", "class_weight"] = Field(description="class_weight: an image counts 1 / size of its class")

    @property
    def seed(self) -> int:
        """The seed of one fit: the first."""
        return self.seeds[0]
