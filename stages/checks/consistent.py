"""consistent: no image is unlike the rest of the set in size, shape, colour mode or bit depth."""

import numpy as np
import pandas as pd
from pydantic import Field

from stages.core.files import listed
from stages.core.gate.findings import Severity
from stages.core.gate.promises import Explain, Measured, Promise, Subject, number
from stages.core.settings.options import Fraction, Section


class Options(Section):
    """How far from the others an image may lie."""

    severity: Severity
    max_area_ratio: float = Field(ge=1, description="area / median area of the set, or the other way round")
    max_aspect_ratio: float = Field(ge=1, description="width / height against the median of the set, either way")
    min_kind_share: Fraction = Field(description="a mode and bit depth that fewer images than this share is odd")


def measure(subject: Subject, options: Options) -> Measured:
    """Distance to the median of area and aspect as a factor, and the share of images of the same mode and depth."""
    images = subject.images
    area, aspect = images["width"] * images["height"], images["width"] / images["height"]
    kind = images.groupby(["mode", "bits"], observed=True).ngroup().where(images["width"] > 0)
    return {
        "area_ratio": times_off(area),
        "aspect_ratio": times_off(aspect),
        "kind_share": kind.map(kind.value_counts(normalize=True)),
    }


def times_off(values: pd.Series) -> pd.Series:
    """Factor between each value and the median, at least 1."""
    usual = values.median()
    return pd.Series(np.maximum(values / usual, usual / values), values.index)


def promises(options: Options) -> list[Promise]:
    """Area, aspect and kind are like those of the other images."""

    def unlike(what: str) -> Explain:
        def explain(bad: pd.DataFrame, observed: object) -> str:
            sizes = (f"{row.path} ({row.width:.0f} x {row.height:.0f})" for row in bad.itertuples())
            return f"{number(bad, 'image has')} {what} the median of the set: {listed(sizes)}"

        return explain

    def odd(bad: pd.DataFrame, observed: object) -> str:
        kinds = bad["mode"].astype("str") + " of " + bad["bits"].astype("Int64").astype("str") + " bits"
        shown = listed(f"{n:,} x {kind}" for kind, n in kinds.value_counts().items())
        return f"{number(bad, 'image is')} of another kind than the rest ({shown}): {listed(bad['path'])}"

    severity, area, aspect = options.severity, options.max_area_ratio, options.max_aspect_ratio
    sized, shaped = (
        unlike(f"more than {area:g} times or less than 1/{area:g} of"),
        unlike(f"{aspect:g} x or 1/{aspect:g} of"),
    )
    share = options.min_kind_share
    return [
        Promise("sizes are alike", "area_ratio", severity, sized, maximum=area, worst="area_ratio"),
        Promise("shapes are alike", "aspect_ratio", severity, shaped, maximum=aspect, worst="aspect_ratio"),
        Promise("colour modes and bit depths are alike", "kind_share", severity, odd, minimum=share),
    ]
