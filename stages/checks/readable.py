"""readable: every image decodes to its last byte."""

import pandas as pd

from stages.core.files import listed
from stages.core.gate.findings import Severity
from stages.core.gate.promises import Measured, Promise, Subject, number
from stages.core.settings.options import Section


class Options(Section):
    """How bad an unreadable image is; it is left out of every split in any case."""

    severity: Severity


def measure(subject: Subject, options: Options) -> Measured:
    """1 for an image that is there and can't be decoded, else 0."""
    images = subject.images
    return {"unreadable": (images["error"].notna() & images["note"].isna()).astype("int8")}


def promises(options: Options) -> list[Promise]:
    """No image is unreadable."""

    def explain(bad: pd.DataFrame, observed: object) -> str:
        reasons = (f"{path} ({error})" for path, error in zip(bad["path"], bad["error"], strict=True))
        return f"{number(bad)} can't be read: {listed(reasons)}; remove or replace them"

    return [Promise("every image decodes to its last byte", "unreadable", options.severity, explain, maximum=0)]
