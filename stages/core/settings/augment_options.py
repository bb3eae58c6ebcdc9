"""What is done to train images, as frozen types: random changes, and the sizes that a run goes through."""

from typing import Annotated, Literal

from pydantic import Field

from stages.core.settings.options import Fraction, Section

Alpha = Annotated[float, Field(ge=0)]
Flip = Literal["none", "horizontal", "both", "dihedral", "alternating", "alternating_dihedral"]


class RandAugment(Section):
    """Some operations an image, drawn with replacement from a fixed list (Cubuk et al. 2020)."""

    operations: Annotated[int, Field(ge=1, le=4)] = Field(description="how many an image")
    magnitude: Annotated[float, Field(gt=0, le=10)] = Field(description="strength of each, 10 the paper's largest")


class Augment(Section):
    """Random changes of train images; each a function of (seed, epoch, index)."""

    flip: Flip = Field(
        description="dihedral: the 8 flips and rotations of a square; alternating: an image takes its views in turn, "
        "one an epoch (Jordan 2024)"
    )
    shift: Fraction = Field(description="largest move, as a share of the side")
    rotation: Annotated[float, Field(ge=0, le=0.5)] = Field(description="largest turn, as a share of a full one")
    zoom: Fraction = Field(description="largest change of scale")
    brightness: Fraction = Field(description="largest change, as a share of 255")
    contrast: Fraction = Field(description="largest change of the distance from the image's mean")
    cutout: Fraction = Field(description="side of a blanked square, as a share of the side (DeVries & Taylor 2017)")
    randaugment: RandAugment | None = Field(description="null for none")
    mixup: Alpha = Field(description="two images faded into one, shares from Beta(a, a) (Zhang et al. 2018); 0: none")
    cutmix: Alpha = Field(description="a box of one image pasted into another (Yun et al. 2019); 0: none")

    @property
    def nothing(self) -> bool:
        """Whether every image stays as it is."""
        return all(value in (0, "none", None) for value in self.model_dump().values())


class ImageSize(Section):
    """Smaller images for the first part of a run."""

    until: Annotated[float, Field(gt=0, lt=1)] = Field(description="share of the epochs at which this size ends")
    scale: Annotated[float, Field(gt=0, lt=1)] = Field(description="of both sides; by averaging over areas")
