"""The `evaluate` section as frozen types: how results are measured, and what is shown of them."""

from typing import Annotated

from pydantic import Field

from stages.core.settings.options import Count, Section, Seed


class Slices(Section):
    """Parts of a split that are measured on their own: by looks and size, and by what the manifest says."""

    bins: Annotated[int, Field(ge=2)] = Field(description="parts of equal numbers of images, by a number")
    most: Count = Field(description="values of a text, the most frequent ones")
    min_images: Count = Field(description="smaller parts are left out")


class Evaluate(Section):
    """Parameters of the measures."""

    top_k: Count = Field(description="a hit when the class is among the k most probable")
    calibration_bins: Count = Field(description="equal-width bins of the expected calibration error")
    confidence: Annotated[float, Field(gt=0, lt=1)] = Field(description="level of every interval")
    bootstrap: Count = Field(description="resamples for measures that are not proportions")
    bootstrap_from: Annotated[float, Field(ge=0)] = Field(
        description="n p (1 - p) of the accuracy p below which resampling can't be trusted and gives no interval"
    )
    seed: Seed = Field(description="of the resamples, and of the folds")
    temperature: bool = Field(description="scale the logits by one number that validation images say")
    folds: Annotated[int, Field(ge=2)] = Field(description="parts of the validation images; each is scaled by the rest")
    wanted_precision: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="share of answers at or above the threshold that are to be right; below it an answer is not sure"
    )
    threshold_steps: Count = Field(description="shares of the images that are tried as those to answer")
    slices: Slices
    confused_pairs: Count = Field(description="most confused pairs that are listed")
    pictures_per_pair: Count = Field(description="on the sheet of the most confused pairs")
    sheet_pictures: Count = Field(description="on the sheet of the surest mistakes")
    golden_images: Count = Field(description="images whose answers are kept, for a packaged model to give again")
