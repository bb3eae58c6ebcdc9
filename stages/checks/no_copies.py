"""no_copies: the same picture is not counted more than once within its class."""

import pandas as pd
from pydantic import Field

from stages.core.files import listed
from stages.core.findings import Promise, Severity
from stages.core.options import Fraction, Section


class Options(Section):
    """How many copies are too many; they always share a split."""

    severity: Severity
    max_share: Fraction = Field(description="share of all images that may be a copy of an earlier one")


def columns(manifest: pd.DataFrame) -> dict[str, pd.Series]:
    """1 for a row whose pixels stood in an earlier row, else 0."""
    again = manifest.duplicated("pixel_sha256") & manifest["pixel_sha256"].notna()
    return {"is_copy": again.astype("int64")}


def promises(options: Options) -> list[Promise]:
    """The share of copies is within the limit."""
    import great_expectations.expectations as gxe

    def explain(bad: pd.DataFrame, observed: object) -> str:
        copies = bad[bad["is_copy"] == 1]
        return (
            f"{len(copies):,} of {len(bad):,} images are copies of another, e.g. {listed(copies['path'])}; "
            f"checks.no_copies.max_share is {options.max_share:g}"
        )

    expectation = gxe.ExpectColumnMeanToBeBetween(column="is_copy", max_value=options.max_share)
    return [Promise("few images are copies of another", expectation, options.severity, options.max_share, explain)]
