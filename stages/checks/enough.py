"""enough: at least two classes, each with enough images, and each present in every split in use."""

import pandas as pd
from pydantic import Field

from stages.core.gate.findings import Severity
from stages.core.gate.promises import Measured, Promise, Subject
from stages.core.gate.splitting import units
from stages.core.settings.options import Count, Section

N_SPLITS = 3  # train, val and test


class Options(Section):
    """The smallest class that can be learned and measured."""

    severity: Severity
    min_per_class: Count = Field(description="usable images of the smallest class")


def measure(subject: Subject, options: Options) -> Measured:
    """Number of classes; images of a row's class; splits without that class."""
    images, usable = subject.images, subject.usable
    label = images["label"].astype("str")
    sizes = label.map(usable["label"].astype("str").value_counts()).astype("float32").fillna(0).where(label.notna())
    splits = {"train", "val"} | set(usable["split"].dropna())
    present = usable.groupby(usable["label"].astype("str"))["split"].agg(set)
    n_missing = {name: len(splits - found) for name, found in present.items()}
    missing = label.map(n_missing).astype("float32").fillna(len(splits)).where(label.notna())
    return {"n_classes": float(label.nunique()), "class_size": sizes, "n_splits_missing": missing}


def undivided(images: pd.DataFrame) -> str:
    """Say that images can't be divided since they belong together, "" where that is not what they lack."""
    usable = images[images["usable"]]
    for _, rows in usable.groupby(usable["label"].astype("str")):
        n_units = units(rows).nunique()
        if n_units < N_SPLITS and rows["pixels"].nunique() >= N_SPLITS:
            causes = {"group": "groups (`split.group_by`)", "near": "clusters of near copies (`split.near_copies`)"}
            found = [f"{rows[name].nunique()} {text}" for name, text in causes.items() if rows[name].notna().any()]
            return (
                f"its {len(rows):,} images form {n_units} part{'s' * (n_units != 1)} that are never divided: "
                f"{', '.join(found)}; add images of other groups, or have fewer splits (`split.test_fraction: 0`)"
            )
    return ""


def promises(options: Options) -> list[Promise]:
    """Two classes or more; none too small; none missing from a split."""

    def alone(bad: pd.DataFrame, observed: object) -> str:
        return f"the set has {observed:.0f} class; a classifier needs two or more class folders"

    def small(bad: pd.DataFrame, observed: object) -> str:
        sizes = bad.groupby(bad["label"].astype("str"))["class_size"].first()
        classes = ", ".join(f"{label!r} has {n:.0f}" for label, n in sizes.items())
        return f"too few images: class {classes}; checks.enough.min_per_class is {options.min_per_class}"

    def absent(bad: pd.DataFrame, observed: object) -> str:
        classes = ", ".join(map(repr, sorted(bad["label"].astype("str").unique())))
        why = undivided(bad)
        return f"class {classes} has no image in one of the splits; {why or 'add images or change `split`'}"

    severity = options.severity
    return [
        Promise("there are two classes or more", "n_classes", severity, alone, minimum=2),
        Promise("every class has enough images", "class_size", severity, small, minimum=options.min_per_class),
        Promise("every class is in every split", "n_splits_missing", severity, absent, maximum=0),
    ]
