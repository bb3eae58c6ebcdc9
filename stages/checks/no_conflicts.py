"""no_conflicts: no image stands in two classes."""

import pandas as pd

from stages.core.files import listed
from stages.core.gate.findings import Severity
from stages.core.gate.promises import Measured, Promise, Subject, number
from stages.core.settings.options import Section


class Options(Section):
    """How bad two labels for the same picture are."""

    severity: Severity


def measure(subject: Subject, options: Options) -> Measured:
    """How many labels the pixels of an image have (byte-equal images have equal pixels)."""
    usable = subject.usable
    codes = pd.Series(pd.factorize(usable["label"])[0], index=usable.index)
    return {"n_labels_of_pixels": codes.groupby(usable["pixels"]).transform("nunique").astype("int32")}


def promises(options: Options) -> list[Promise]:
    """One label for equal pixels."""

    def explain(bad: pd.DataFrame, observed: object) -> str:
        pairs = [" = ".join(rows["path"]) for _, rows in bad.groupby("pixels", sort=False)]
        return f"{number(pairs, 'image stands')} in two classes, e.g. {listed(pairs, 3)}; keep the right one"

    text = "no image stands in two classes"
    return [Promise(text, "n_labels_of_pixels", options.severity, explain, maximum=1)]
