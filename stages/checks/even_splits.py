"""even_splits: every class has about the same share in train, val and test."""

import pandas as pd
from pydantic import Field

from stages.core.gate.findings import Severity
from stages.core.gate.promises import Measured, Promise, Subject
from stages.core.gate.splitting import units
from stages.core.images.manifest import SPLITS
from stages.core.settings.options import Fraction, Section


class Options(Section):
    """How far the shares may lie apart; ours follow the quota, predefined ones may not."""

    severity: Severity
    max_difference: Fraction = Field(description="between a class' share in a split and its share in train")
    max_undivided: Fraction = Field(description="share of a class that may belong together and is never divided")


def measure(subject: Subject, options: Options) -> Measured:
    """Largest difference between a class' share in val or test and in train, and largest undivided share."""
    shares, undivided = class_shares(subject.usable), undivided_shares(subject.usable)
    apart = shares.sub(shares["train"], axis=0).abs().to_numpy().max() if {"train"} < set(shares) else 0.0
    return {"share_difference": float(apart), "undivided_share": float(undivided.max()) if len(undivided) else 0.0}


def undivided_shares(usable: pd.DataFrame) -> pd.Series:
    """Of each class, the share of the largest part of two or more images that no split divides; where we split it."""
    free = usable[usable["given_split"].isna()]
    sizes = free.groupby([free["label"].astype("str"), units(free)]).size()
    largest = sizes[sizes > 1].groupby(level=0).max()
    return largest / usable["label"].astype("str").value_counts().reindex(largest.index)


def class_shares(usable: pd.DataFrame) -> pd.DataFrame:
    """Share of each class (row) in each split (column)."""
    return pd.crosstab(usable["label"].astype("str"), usable["split"], normalize="columns")


def promises(options: Options) -> list[Promise]:
    """No class is more at home in one split than in another."""

    def explain(images: pd.DataFrame, observed: object) -> str:
        shares = class_shares(images[images["usable"]])
        apart = shares.sub(shares["train"], axis=0).abs()
        split = str(apart.max().idxmax())
        label = str(apart[split].idxmax())
        return (
            f"class {label!r} is {shares['train'][label]:.1%} of train and {shares[split][label]:.1%} of {split}; "
            f"checks.even_splits.max_difference is {options.max_difference:g}: a model is judged on another mix"
        )

    def tied(images: pd.DataFrame, observed: object) -> str:
        usable = images[images["usable"]]
        shares = undivided_shares(usable)
        label = str(shares.idxmax())
        rows = usable[usable["label"].astype("str") == label]
        near = rows["near"].notna().sum() >= rows["group"].notna().sum()
        cause = "near copies (`split.near_copies`)" if near else "one group (`split.group_by`)"
        n = {split: int((rows["split"] == split).sum()) for split in SPLITS}
        return (
            f"{shares[label]:.0%} of class {label!r} belong together as {cause} and are never divided, so of its "
            f"images {n['train']:,} are in train, {n['val']:,} in val and {n['test']:,} in test, whatever is asked for"
        )

    text, limit = "every class has the same share in every split", options.max_difference
    whole = "no large part of a class belongs together"
    return [
        Promise(text, "share_difference", options.severity, explain, maximum=limit),
        Promise(whole, "undivided_share", options.severity, tied, maximum=options.max_undivided),
    ]
