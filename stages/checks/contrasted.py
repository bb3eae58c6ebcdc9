"""contrasted: no image is of one colour, or nearly so for its class."""

import pandas as pd
from pydantic import Field

from stages.core.files import listed
from stages.core.gate.findings import Severity
from stages.core.gate.promises import Measured, Promise, Subject, number
from stages.core.settings.options import Fraction, Section


class Options(Section):
    """Contrast is the standard deviation of luma, in units of 0-255."""

    severity: Severity
    blank: float = Field(ge=0, description="contrast below which an image is of one colour")
    uniform: float = Field(ge=0, description="contrast below which it is nearly so, if its class is not")
    share_of_class: Fraction = Field(
        description="a nearly uniform image has less than this x its class' median contrast"
    )


def measure(subject: Subject, options: Options) -> Measured:
    """Contrast, and 1 for an image that is not blank, yet nearly uniform in a class that is not."""
    images = subject.images
    contrast = images["contrast"]
    usual = contrast.groupby(images["label"], observed=True).transform("median")
    uniform = (contrast >= options.blank) & (contrast < options.uniform) & (contrast < options.share_of_class * usual)
    return {"contrast": contrast, "nearly_uniform": uniform.astype("int8"), "flatness": -contrast}


def promises(options: Options) -> list[Promise]:
    """No image is blank or nearly uniform."""

    def blank(bad: pd.DataFrame, observed: object) -> str:
        images = f"{number(bad, 'image is')} of one colour: {listed(bad['path'])}"
        return f"{images}; checks.contrasted.blank is {options.blank:g}"

    def uniform(bad: pd.DataFrame, observed: object) -> str:
        return f"{number(bad, 'image is')} nearly of one colour, unlike their class: {listed(bad['path'])}"

    severity = options.severity
    return [
        Promise("no image is blank", "contrast", severity, blank, minimum=options.blank, worst="flatness"),
        Promise("no image is nearly uniform", "nearly_uniform", severity, uniform, maximum=0, worst="flatness"),
    ]
