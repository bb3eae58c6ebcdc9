"""The `learning_curve` section as frozen types: on which shares of the training images an entry is tried."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from stages.core.settings.options import Section, Seeds

Share = Annotated[float, Field(gt=0, le=1)]


def rising(shares: list[float]) -> list[float]:
    """Raise ValueError for shares that don't grow: the last two are compared."""
    if any(one >= other for one, other in pairwise(shares)):
        raise ValueError(f"each share must be above the one before it, got {shares}")
    return shares


class LearningCurve(Section):
    """What `imagetrail learning-curve` trains on, one share within the next."""

    shares: Annotated[list[Share], Field(min_length=2), AfterValidator(rising)] = Field(
        description="of the images (whole groups) of each class; the last two say whether more would help"
    )
    seeds: Seeds = Field(
        description="a training of every share each, which draws its images too; they replace fit.seeds"
    )
    equal: Literal["steps", "epochs"] = Field(
        description="what all trainings have in common; steps: a smaller share has more epochs, so that a gain is one "
        "of images; epochs: cheaper, and a gain may be one of steps"
    )
