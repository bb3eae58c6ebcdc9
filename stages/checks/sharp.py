"""sharp: no image is blurred, and the set as a whole is not soft."""

import pandas as pd
from pydantic import Field

from stages.core.files import listed
from stages.core.gate.findings import Severity
from stages.core.gate.promises import Measured, Promise, Subject, number
from stages.core.settings.options import Fraction, Section


class Options(Section):
    """Crispness is the share of an image's edges that a small blur takes away (`looks.crispness`)."""

    severity: Severity
    min_crispness: Fraction = Field(description="below it an image is blurred; clean ones have 0.5 to 0.8")
    min_contrast: float = Field(ge=0, description="below this contrast crispness can't be judged")
    min_median: Fraction = Field(description="median of the set below which all of it is soft, or was enlarged")
    max_named_share: Fraction = Field(
        description="of the set; a finding that names more can't tell, and nothing is left out for it"
    )


def measure(subject: Subject, options: Options) -> Measured:
    """Crispness of the images that it can be judged on, and its median."""
    images = subject.images
    crispness = images["crispness"].where(images["contrast"] >= options.min_contrast)
    median = float(crispness.median()) if crispness.notna().any() else 1.0
    return {"crispness_judged": crispness, "softness": -crispness, "median_crispness": median}


def promises(options: Options) -> list[Promise]:
    """No image is blurred; the median one is crisp."""

    def blurred(bad: pd.DataFrame, observed: object) -> str:
        return f"{number(bad, 'image is')} blurred: {listed(bad['path'])}; checks.sharp.min_crispness is {least:g}"

    def soft(bad: pd.DataFrame, observed: object) -> str:
        return f"the images are soft, or were enlarged: half of them have a crispness below {observed:.2g}"

    least, severity = options.min_crispness, options.severity
    return [
        Promise(
            "no image is blurred",
            "crispness_judged",
            severity,
            blurred,
            minimum=least,
            worst="softness",
            max_named_share=options.max_named_share,
        ),
        Promise("the set is not soft as a whole", "median_crispness", severity, soft, minimum=options.min_median),
    ]
