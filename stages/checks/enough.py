"""enough: at least two classes, each with enough images, and each present in every split in use."""

import pandas as pd
from pydantic import Field

from stages.core.findings import Promise, Severity
from stages.core.options import Count, Section


class Options(Section):
    """The smallest class that can be learned and measured."""

    severity: Severity
    min_per_class: Count = Field(description="readable images of the smallest class")


def columns(manifest: pd.DataFrame) -> dict[str, pd.Series]:
    """Images of a row's class, and splits without that class."""
    readable = manifest[manifest["error"].isna()]
    sizes = manifest["label"].map(readable["label"].value_counts()).fillna(0).astype("int64")
    splits = {"train", "val"} | set(readable["split"].dropna())
    present = readable.groupby("label")["split"].agg(set)
    n_missing = {label: len(splits - found) for label, found in present.items()}
    return {
        "class_size": sizes,
        "n_splits_missing": manifest["label"].map(n_missing).fillna(len(splits)).astype("int64"),
    }


def promises(options: Options) -> list[Promise]:
    """Two classes or more; none too small; none missing from a split."""
    import great_expectations.expectations as gxe

    several = gxe.ExpectColumnUniqueValueCountToBeBetween(column="label", min_value=2)
    sized = gxe.ExpectColumnValuesToBeBetween(column="class_size", min_value=options.min_per_class)
    everywhere = gxe.ExpectColumnValuesToBeBetween(column="n_splits_missing", max_value=0)

    def alone(bad: pd.DataFrame, observed: object) -> str:
        return f"the set has {observed} class; a classifier needs two or more class folders"

    def small(bad: pd.DataFrame, observed: object) -> str:
        classes = ", ".join(f"{label!r} has {n}" for label, n in bad.groupby("label")["class_size"].first().items())
        return f"too few images: class {classes}; checks.enough.min_per_class is {options.min_per_class}"

    def absent(bad: pd.DataFrame, observed: object) -> str:
        classes = ", ".join(map(repr, sorted(bad["label"].unique())))
        return f"class {classes} has no image in one of the splits; add images or change `split`"

    return [
        Promise("there are two classes or more", several, options.severity, 2, alone),
        Promise("every class has enough images", sized, options.severity, options.min_per_class, small),
        Promise("every class is in every split", everywhere, options.severity, 0, absent),
    ]
