"""no_conflicts: no image stands in two class folders."""

import pandas as pd

from stages.core.files import listed
from stages.core.findings import Promise, Severity
from stages.core.options import Section


class Options(Section):
    """How bad two labels for the same picture are."""

    severity: Severity


def columns(manifest: pd.DataFrame) -> dict[str, pd.Series]:
    """How many labels the pixels of a row have (byte-equal images have equal pixels)."""
    return {"n_labels_of_pixels": manifest.groupby("pixel_sha256")["label"].transform("nunique")}


def promises(options: Options) -> list[Promise]:
    """One label for equal pixels."""
    import great_expectations.expectations as gxe

    def explain(bad: pd.DataFrame, observed: object) -> str:
        pairs = [" = ".join(rows["path"]) for _, rows in bad.groupby("pixel_sha256", sort=False)]
        return f"{len(pairs):,} images stand in two class folders, e.g. {listed(pairs, 2)}; keep the right one"

    expectation = gxe.ExpectColumnValuesToBeBetween(column="n_labels_of_pixels", max_value=1)
    return [Promise("no image stands in two classes", expectation, options.severity, 1, explain)]
