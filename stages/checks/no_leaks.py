"""no_leaks: no image, and no copy of it, stands in two splits."""

import pandas as pd

from stages.core.files import listed
from stages.core.findings import Promise, Severity
from stages.core.options import Section


class Options(Section):
    """How bad a leak is; our own splits have none, predefined ones may."""

    severity: Severity


def columns(manifest: pd.DataFrame) -> dict[str, pd.Series]:
    """In how many splits the pixels, or the group, of a row occur."""
    by_pixels = manifest.groupby("pixel_sha256")["split"].transform("nunique")
    by_group = manifest.groupby("group")["split"].transform("nunique")
    return {"n_splits_of_pixels": by_pixels, "n_splits_of_group": by_group}


def promises(options: Options) -> list[Promise]:
    """Equal pixels, and images of one group, share a split."""
    import great_expectations.expectations as gxe

    def copies(bad: pd.DataFrame, observed: object) -> str:
        pairs = (" = ".join(rows["path"]) for _, rows in bad.groupby("pixel_sha256", sort=False))
        return f"{len(bad):,} images have a copy in another split, e.g. {listed(pairs, 2)}; remove the copies"

    def groups(bad: pd.DataFrame, observed: object) -> str:
        return f"{bad['group'].nunique():,} groups are divided between splits, e.g. {listed(bad['group'].unique())}"

    between = gxe.ExpectColumnValuesToBeBetween
    return [
        Promise(
            "no image has a copy in another split",
            between(column="n_splits_of_pixels", max_value=1),
            options.severity,
            1,
            copies,
        ),
        Promise(
            "no group is divided between splits",
            between(column="n_splits_of_group", max_value=1),
            options.severity,
            1,
            groups,
        ),
    ]
