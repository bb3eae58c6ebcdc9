"""no_copies: the same picture is not counted more than once in its class."""

import pandas as pd
from pydantic import Field

from stages.core.files import listed
from stages.core.gate.findings import Severity
from stages.core.gate.promises import HELD_OUT, Measured, Promise, Subject, number
from stages.core.settings.options import Fraction, Section


class Options(Section):
    """How many copies are too many; they always share a split of ours."""

    severity: Severity
    max_share: Fraction = Field(description="share of all images that may be a copy of an earlier one")


def measure(subject: Subject, options: Options) -> Measured:
    """1 for a copy, where there are too many; else 0. The most held-out one, and of these the first, is no copy."""
    usable = subject.usable
    held_out_first = usable["split"].map(HELD_OUT).sort_values(ascending=False, kind="stable").index
    again = usable.loc[held_out_first].duplicated(["pixels", "label"]).reindex(usable.index)
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
