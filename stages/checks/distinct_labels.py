"""distinct_labels: no two classes whose names a reader would take for one."""

import pandas as pd

from stages.core.files import listed
from stages.core.gate.findings import Severity
from stages.core.gate.promises import Measured, Promise, Subject
from stages.core.ingest.label_text import look
from stages.core.settings.options import Section


class Options(Section):
    """How bad two names are that differ in case, width, blanks, invisible characters or a .0 alone."""

    severity: Severity


def measure(subject: Subject, options: Options) -> Measured:
    """Number of classes whose name looks like that of another one."""
    return {"n_look_alikes": float(sum(map(len, look_alikes(subject.images))))}


def look_alikes(images: pd.DataFrame) -> list[list[str]]:
    """Return the names of classes that look the same, together."""
    together: dict[str, list[str]] = {}
    for label in sorted(images["label"].dropna().astype("str").unique()):
        together.setdefault(look(label), []).append(label)
    return [labels for labels in together.values() if len(labels) > 1]


def promises(options: Options) -> list[Promise]:
    """Every class has a name that differs to the eye."""

    def explain(images: pd.DataFrame, observed: object) -> str:
        pairs = [" and ".join(map(ascii_if_alike, labels)) for labels in look_alikes(images)]
        return (
            f"{listed(pairs)} look like one class under two names; rename one at the source, or, if they are two "
            "classes, set checks.distinct_labels.severity to info"
        )

    def ascii_if_alike(label: str) -> str:
        return repr(label) if label.isascii() else f"{label!r} ({label!a})"

    return [Promise("no two classes look alike by name", "n_look_alikes", options.severity, explain, maximum=0)]
