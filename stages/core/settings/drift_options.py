"""The `drift` section as frozen types: when new images are no longer like those of training."""

from typing import Annotated

from pydantic import Field

from stages.core.settings.options import Count, Fraction, Section


class DriftDistances(Section):
    """Distances between two distributions up to which nobody minds: 0 for the same, 1 for nothing in common."""

    looks: Fraction = Field(description="of light, colour, crispness, size: Kolmogorov-Smirnov, against train images")
    features: Fraction = Field(description="of what the model's last layer sees: Kolmogorov-Smirnov, against val")
    predictions: Fraction = Field(description="of probabilities and confidence: Kolmogorov-Smirnov, against val")
    class_shares: Fraction = Field(description="of the classes that are predicted: total variation, against val")


class Drift(Section):
    """When new images are called different from those of training: far apart, and not by chance."""

    level: Annotated[float, Field(ge=1e-3, lt=1)] = Field(
        description="probability of a false alarm over all measures together; shared out after Bonferroni"
    )
    max_distance: DriftDistances
    min_images: Count = Field(description="fewer new images are described and never called drift")
    max_images: Count = Field(description="of more new images, this many are looked at, evenly spaced by name")
