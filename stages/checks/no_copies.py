"""no_copies: the same picture is not counted more than once."""

import pandas as pd
from pydantic import Field

from stages.core.files import listed
from stages.core.findings import Severity
from stages.core.options import Fraction, Section
from stages.core.promises import Measured, Promise, Subject, number


class Options(Section):
    """How many copies are too many; they always share a split of ours."""

    severity: Severity
    max_share: Fraction = Field(description="share of all images that may be a copy of an earlier one")


def measure(subject: Subject, options: Options) -> Measured:
    """1 for an image whose pixels stood in an earlier one, where there are too many of them; else 0."""
    usable = subject.usable
    again = usable.duplicated("pixels")
    too_many = again.mean() > options.max_share if len(again) else False
    return {"is_copy": (again & too_many).astype("int8")}


def promises(options: Options) -> list[Promise]:
    """The share of copies is within the limit."""

    def explain(bad: pd.DataFrame, observed: object) -> str:
        return (
            f"{number(bad, 'image is')} copies of another, e.g. {listed(bad['path'])}; "
            f"checks.no_copies.max_share is {options.max_share:g}"
        )

    return [Promise("few images are copies of another", "is_copy", options.severity, explain, maximum=0)]
