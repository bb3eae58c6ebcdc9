"""classical: a method of scikit-learn, on pixels or on the features of a frozen backbone."""

from typing import Any

from pydantic import Field

from stages.core.settings.head_options import Head, HeadFit
from stages.core.settings.options import Count, Section

INPUTS = ("images", "features")
Fit = HeadFit


class Options(Section):
    """The method, and what is done before it; numbers are always standardized, by the images it is fitted on."""

    method: Head
    pca: Count | None = Field(description="principal components that are left of the pixels or features; null: all")
    max_train_images: Count | None = Field(
        description="of more train images so many are used, a fair share of each class; null: all"
    )


def head(options: Options, fit: HeadFit) -> Any:
    """Return an unfitted pipeline from float32 [N, D] to probabilities [N, K]."""
    from stages.core.heads.heads import unfitted

    return unfitted(options.method, options.pca, fit.balance == "class_weight", fit.seed)
