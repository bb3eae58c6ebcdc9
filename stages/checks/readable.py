"""readable: every image decodes to its last byte."""

import pandas as pd

from stages.core.files import listed
from stages.core.findings import Promise, Severity
from stages.core.options import Section


class Options(Section):
    """How bad an unreadable image is; it is left out of every split in any case."""

    severity: Severity


def columns(manifest: pd.DataFrame) -> dict[str, pd.Series]:
    """Nothing beyond the manifest."""
    return {}


def promises(options: Options) -> list[Promise]:
    """No row has an error."""
    import great_expectations.expectations as gxe

    def explain(bad: pd.DataFrame, observed: object) -> str:
        reasons = (f"{path} ({error})" for path, error in zip(bad["path"], bad["error"], strict=True))
        return f"{len(bad):,} images can't be read: {listed(reasons)}; remove or replace them"

    return [
        Promise(
            "every image decodes to its last byte",
            gxe.ExpectColumnValuesToBeNull(column="error"),
            options.severity,
            0,
            explain,
        )
    ]
