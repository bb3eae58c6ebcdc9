"""no_leaks: no image, no copy of it and no image of its group stands in two splits."""

import pandas as pd

from stages.core.files import listed
from stages.core.gate.findings import Severity
from stages.core.gate.promises import HELD_OUT, Measured, Promise, Subject, number
from stages.core.settings.options import Section


class Options(Section):
    """How bad a leak is; our own splits have none, predefined ones may."""

    severity: Severity


def measure(subject: Subject, options: Options) -> Measured:
    """1 for an image whose pixels, or whose group, also stand in a split that is more held out than its own.

    So the images that break the promise are those to remove, and the ones that measure stay.
    """
    usable = subject.usable
    level = usable["split"].map(HELD_OUT)
    found: Measured = {"leaks_pixels": (level.groupby(usable["pixels"]).transform("max") > level).astype("int8")}
    furthest = level.groupby(usable["group"]).transform("max")  # missing for an image of no group
    found["leaks_group"] = (furthest > level).astype("int8")
    leaking = usable[usable["pixels"].isin(usable["pixels"][found["leaks_pixels"] == 1])]
    least_first = leaking.loc[level[leaking.index].sort_values(kind="stable").index]
    found["twin"] = least_first["path"].groupby(least_first["pixels"]).transform("last")  # the most held-out copy
    return found


def promises(options: Options) -> list[Promise]:
    """Equal pixels, and images of one group, share a split."""

    def copies(bad: pd.DataFrame, observed: object) -> str:
        pairs = (f"{row.path} = {row.twin}" for row in bad.itertuples())
        return f"{number(bad, 'image has')} a copy in a more held-out split, e.g. {listed(pairs, 2)}; remove them"

    def groups(bad: pd.DataFrame, observed: object) -> str:
        return (
            f"{number(bad['group'].unique(), 'group is')} divided between splits, e.g. {listed(bad['group'].unique())}"
        )

    severity = options.severity
    return [
        Promise("no image has a copy in another split", "leaks_pixels", severity, copies, maximum=0),
        Promise("no group is divided between splits", "leaks_group", severity, groups, maximum=0),
    ]
