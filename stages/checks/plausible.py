"""plausible: sizes, shapes and colour modes are within what the set is meant to hold."""

import pandas as pd
from pydantic import Field

from stages.core.files import listed
from stages.core.gate.findings import Severity
from stages.core.gate.promises import Explain, Measured, Promise, Subject, number
from stages.core.settings.options import Count, Positive, Section


class Options(Section):
    """Limits of one image."""

    severity: Severity
    min_side: Count = Field(description="pixels of the shorter side")
    max_side: Count = Field(description="pixels of the longer side")
    max_aspect: Positive = Field(description="longer side / shorter side")
    modes: list[str] = Field(description="Pillow modes as stored in the file", min_length=1)


def measure(subject: Subject, options: Options) -> Measured:
    """Shorter and longer side in pixels, their ratio, and the colour mode."""
    sides = subject.images[["width", "height"]]
    short, long = sides.min(axis=1), sides.max(axis=1)
    return {"short_side": short, "long_side": long, "aspect": long / short, "colour_mode": subject.images["mode"]}


def promises(options: Options) -> list[Promise]:
    """Each side, the aspect and the mode are inside the limits."""

    def sized(what: str) -> Explain:
        def explain(bad: pd.DataFrame, observed: object) -> str:
            sizes = (f"{row.path} ({row.width:.0f} x {row.height:.0f})" for row in bad.itertuples())
            return f"{number(bad, 'image has')} {what}: {listed(sizes)}"

        return explain

    def coloured(bad: pd.DataFrame, observed: object) -> str:
        modes = (f"{row.path} ({row.mode})" for row in bad.itertuples())
        return f"{number(bad, 'image has')} a mode that checks.plausible.modes does not name: {listed(modes)}"

    severity, low, high, aspect = options.severity, options.min_side, options.max_side, options.max_aspect
    small = sized(f"a side below checks.plausible.min_side ({low})")
    large = sized(f"a side above checks.plausible.max_side ({high})")
    thin = sized(f"an aspect above checks.plausible.max_aspect ({aspect:g})")
    modes = tuple(options.modes)
    return [
        Promise("no image is too small", "short_side", severity, small, minimum=low),
        Promise("no image is too large", "long_side", severity, large, maximum=high),
        Promise("no image is too long and thin", "aspect", severity, thin, maximum=aspect, worst="aspect"),
        Promise("every image has an expected colour mode", "colour_mode", severity, coloured, among=modes),
    ]
