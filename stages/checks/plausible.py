"""plausible: sizes, shapes and colour modes are within what the set is meant to hold."""

import pandas as pd
from pydantic import Field

from stages.core.files import listed
from stages.core.findings import Explain, Promise, Severity
from stages.core.options import Count, Positive, Section


class Options(Section):
    """Limits of one image."""

    severity: Severity
    min_side: Count = Field(description="pixels of the shorter side")
    max_side: Count = Field(description="pixels of the longer side")
    max_aspect: Positive = Field(description="longer side / shorter side")
    modes: list[str] = Field(description="Pillow modes as stored in the file", min_length=1)


def columns(manifest: pd.DataFrame) -> dict[str, pd.Series]:
    """Shorter and longer side, and their ratio."""
    sides = manifest[["width", "height"]].astype("Float64")
    return {
        "short_side": sides.min(axis=1),
        "long_side": sides.max(axis=1),
        "aspect": sides.max(axis=1) / sides.min(axis=1),
    }


def promises(options: Options) -> list[Promise]:
    """Each side, the aspect and the mode are inside the limits."""
    import great_expectations.expectations as gxe

    between = gxe.ExpectColumnValuesToBeBetween

    def sized(what: str) -> Explain:
        def explain(bad: pd.DataFrame, observed: object) -> str:
            sizes = (f"{row.path} ({row.width} x {row.height})" for row in bad.itertuples())
            return f"{len(bad):,} images have {what}: {listed(sizes)}"

        return explain

    def coloured(bad: pd.DataFrame, observed: object) -> str:
        modes = (f"{row.path} ({row.mode})" for row in bad.itertuples())
        return f"{len(bad):,} images have a mode that checks.plausible.modes does not name: {listed(modes)}"

    low, high, aspect = options.min_side, options.max_side, options.max_aspect
    small = sized(f"a side below checks.plausible.min_side ({low})")
    large = sized(f"a side above checks.plausible.max_side ({high})")
    long = sized(f"an aspect above checks.plausible.max_aspect ({aspect:g})")
    modes = gxe.ExpectColumnValuesToBeInSet(column="mode", value_set=options.modes)
    return [
        Promise("no image is too small", between(column="short_side", min_value=low), options.severity, low, small),
        Promise("no image is too large", between(column="long_side", max_value=high), options.severity, high, large),
        Promise(
            "no image is too long and thin", between(column="aspect", max_value=aspect), options.severity, aspect, long
        ),
        Promise("every image has an expected colour mode", modes, options.severity, options.modes, coloured),
    ]
