"""even_splits: every class has about the same share in train, val and test."""

import pandas as pd
from pydantic import Field

from stages.core.gate.findings import Severity
from stages.core.gate.promises import Measured, Promise, Subject
from stages.core.settings.options import Fraction, Section


class Options(Section):
    """How far the shares may lie apart; ours follow the quota, predefined ones may not."""

    severity: Severity
    max_difference: Fraction = Field(description="between a class' share in a split and its share in train")


def measure(subject: Subject, options: Options) -> Measured:
    """Largest difference between a class' share in val or test and its share in train."""
    shares = class_shares(subject.usable)
    if "train" not in shares or shares.shape[1] < 2:
        return {"share_difference": 0.0}
    return {"share_difference": float(shares.sub(shares["train"], axis=0).abs().to_numpy().max())}


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

    text, limit = "every class has the same share in every split", options.max_difference
    return [Promise(text, "share_difference", options.severity, explain, maximum=limit)]
