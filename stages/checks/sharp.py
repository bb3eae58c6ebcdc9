"""sharp: no image is blurred against the rest of its set, and the set as a whole is not soft."""

import numpy as np
import pandas as pd
from pydantic import Field

from stages.core.files import listed
from stages.core.gate.findings import Severity
from stages.core.gate.promises import Measured, Promise, Subject, number
from stages.core.settings.options import Fraction, Section

NORMAL = 1.4826  # the median absolute deviation of a normal distribution times this is its standard deviation


class Options(Section):
    """Crispness is the share of an image's edges that a small blur takes away (`looks.crispness`)."""

    severity: Severity
    max_share_of_median: Fraction = Field(
        description="a blurred image has less than this x the set's median crispness, and is an outlier below"
    )
    min_deviations: float = Field(
        ge=0, description="an outlier lies this many robust standard deviations below the median of log crispness"
    )
    min_contrast: float = Field(ge=0, description="below this contrast crispness can't be judged")
    min_median: Fraction = Field(description="median of the set below which all of it is soft, or was enlarged")
    max_named_share: Fraction = Field(
        description="of the set; a finding that names more can't tell, and nothing is left out for it"
    )


def measure(subject: Subject, options: Options) -> Measured:
    """Crispness of the images that it can be judged on, whether it is an outlier below, and its median."""
    images = subject.images
    judged = images["crispness"].astype("float64").where(images["contrast"] >= options.min_contrast)
    blurred = judged < blur_limit(judged.dropna().to_numpy(), options.max_share_of_median, options.min_deviations)
    return {
        "blurred": blurred.astype("int8"),
        "crispness_judged": judged,
        "softness": -judged,
        "median_crispness": float(judged.median()) if judged.notna().any() else 1.0,
    }


def blur_limit(crispness: np.ndarray, max_share_of_median: float, min_deviations: float) -> float:
    """Crispness below which an image is blurred, of float64 [n] of its set; 0, which none is below, for an empty set.

    The median and the median absolute deviation of the logarithms: blur by so much takes the same factor off each, and
    some blurred images move neither. A set of many kinds of images varies more, and needs more to call one blurred.
    """
    median = float(np.median(crispness)) if len(crispness) else 0.0
    if median <= 0:
        return 0.0
    with np.errstate(divide="ignore"):  # an image without any edge is infinitely far below
        away = np.abs(np.log(crispness / median))
    return median * min(max_share_of_median, float(np.exp(-min_deviations * NORMAL * np.median(away))))


def promises(options: Options) -> list[Promise]:
    """No image is blurred; the median one is crisp."""

    def blurred(bad: pd.DataFrame, observed: object) -> str:
        images = f"{number(bad, 'image is')} blurred, unlike the rest of the set: {listed(bad['path'])}"
        return f"{images}; checks.sharp.max_share_of_median is {share:g}, min_deviations {deviations:g}"

    def soft(bad: pd.DataFrame, observed: object) -> str:
        return f"the images are soft, or were enlarged: half of them have a crispness below {observed:.2g}"

    severity, share, deviations = options.severity, options.max_share_of_median, options.min_deviations
    return [
        Promise(
            "no image is blurred",
            "blurred",
            severity,
            blurred,
            maximum=0,
            worst="softness",
            max_named_share=options.max_named_share,
        ),
        Promise("the set is not soft as a whole", "median_crispness", severity, soft, minimum=options.min_median),
    ]
