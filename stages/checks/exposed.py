"""exposed: no image is so dark or so light that nothing can be seen on it."""

import pandas as pd
from pydantic import Field

from stages.core.files import listed
from stages.core.gate.findings import Severity
from stages.core.gate.promises import Measured, Promise, Subject, number
from stages.core.settings.options import Section


class Options(Section):
    """Limits on the percentiles of luma, in units of 0-255; a blank image is the matter of `contrasted`."""

    severity: Severity
    min_lightest: float = Field(ge=0, le=255, description="99th percentile of luma below which an image is too dark")
    max_darkest: float = Field(ge=0, le=255, description="1st percentile of luma above which an image is too light")


def measure(subject: Subject, options: Options) -> Measured:
    """The 99th and the 1st percentile of luma."""
    images = subject.images
    return {"lightest": images["lightest"], "darkest": images["darkest"], "darkness": -images["lightest"]}


def promises(options: Options) -> list[Promise]:
    """No image is too dark or too light."""

    def dark(bad: pd.DataFrame, observed: object) -> str:
        return f"{number(bad, 'image is')} too dark: {listed(bad['path'])}; checks.exposed.min_lightest is {low:g}"

    def light(bad: pd.DataFrame, observed: object) -> str:
        return f"{number(bad, 'image is')} too light: {listed(bad['path'])}; checks.exposed.max_darkest is {high:g}"

    low, high = options.min_lightest, options.max_darkest
    return [
        Promise("no image is too dark", "lightest", options.severity, dark, minimum=low, worst="darkness"),
        Promise("no image is too light", "darkest", options.severity, light, maximum=high, worst="darkest"),
    ]
