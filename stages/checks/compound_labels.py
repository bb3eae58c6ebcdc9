"""compound_labels: no class is two other classes in one, as a cell with two labels makes it."""

import re

import pandas as pd

from stages.core.files import listed
from stages.core.gate.findings import Severity
from stages.core.gate.promises import Measured, Promise, Subject, number
from stages.core.settings.options import Section

BETWEEN = re.compile(r"\s*[,;|+&/]\s*|\s+")  # what people put between two labels of one cell


class Options(Section):
    """How bad it is; `red apple` beside `red` and `apple` may be meant."""

    severity: Severity


def measure(subject: Subject, options: Options) -> Measured:
    """1 where the label is made of two or more other labels of the set, else 0."""
    labels = subject.images["label"].astype("str").where(subject.images["label"].notna())
    compound = compound_labels(set(labels.dropna().unique()))
    return {"compound": labels.isin(compound).astype("int8")}


def compound_labels(labels: set[str]) -> set[str]:
    """Labels of which every part is another label: `cat, dog` beside `cat` and `dog`."""
    parts = {label: [part for part in BETWEEN.split(label) if part] for label in labels}
    return {label for label, words in parts.items() if len(words) > 1 and set(words) <= labels - {label}}


def promises(options: Options) -> list[Promise]:
    """Every class is one class."""

    def explain(bad: pd.DataFrame, observed: object) -> str:
        names = sorted(bad["label"].astype("str").unique())
        return (
            f"{number(bad, 'image has')} two labels in one, which make a class of their own: {listed(names, 4)}; "
            "give each image one label, or leave them out with `quarantine: [compound_labels]`"
        )

    text = "no class is two other classes in one"
    return [Promise(text, "compound", options.severity, explain, maximum=0)]
