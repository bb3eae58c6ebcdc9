"""labelled: every image has one label, and every label has its image."""

import pandas as pd

from stages.core.files import listed
from stages.core.gate.findings import Severity
from stages.core.gate.promises import Measured, Promise, Subject, number
from stages.core.settings.options import Section


class Options(Section):
    """How bad a table of labels that does not fit its images is; such rows are in no split in any case."""

    severity: Severity


def measure(subject: Subject, options: Options) -> Measured:
    """1 for what the source itself could not match, else 0."""
    images = subject.images
    return {"unmatched": (images["note"].notna() | images["label"].isna()).astype("int8")}


def promises(options: Options) -> list[Promise]:
    """Nothing is unmatched."""

    def explain(bad: pd.DataFrame, observed: object) -> str:
        notes = bad["note"].astype("str").fillna("no label")
        kinds = [f"{len(rows):,} x {note}: {listed(rows['path'])}" for note, rows in bad.groupby(notes)]
        return f"{number(bad, 'entry has')} no label or no image; {listed(kinds, 4)}; mend the table of labels"

    text = "every image has one label and every label its image"
    return [Promise(text, "unmatched", options.severity, explain, maximum=0)]
