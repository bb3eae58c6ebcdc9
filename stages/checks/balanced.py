"""balanced: no class is so large beside the others that a model learns the counts instead of the pictures."""

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from stages.core.gate.findings import Severity
from stages.core.gate.promises import Explain, Measured, Promise, Subject
from stages.core.settings.options import Fraction, Section

REMEDY = "models.<name>.fit.balance weighs or repeats the rare ones"


class Options(Section):
    """From which ratio on it is worth a warning, and from which on training would mislead."""

    warn_ratio: float = Field(ge=1, description="largest / smallest class above which to warn")
    max_ratio: float = Field(ge=1, description="largest / smallest class above which to stop")
    max_split_ratio: float = Field(ge=1, description="the same within one split / over all, above which to warn")
    min_effective_share: Fraction = Field(
        description="effective number of classes (exp of the entropy of their shares) / number, below which to warn"
    )
    max_constant_accuracy: Fraction = Field(
        description="accuracy of always naming the largest class, above which to warn"
    )

    @model_validator(mode="after")
    def warn_first(self) -> "Options":
        """Raise ValueError when the warning would come after the stop."""
        if self.warn_ratio > self.max_ratio:
            raise ValueError("warn_ratio must be at most max_ratio")
        return self


def measure(subject: Subject, options: Options) -> Measured:
    """Largest / smallest class over all, and the worst split beside it; effective classes; a constant answer."""
    usable = subject.usable
    label = usable["label"].astype("str")
    counts = label.value_counts()
    shares = counts / counts.sum()
    by_split = [ratio(part.value_counts()) for _, part in label.groupby(usable["split"])]
    entropy = float(-(shares * np.log(shares)).sum())  # of Shannon; its exponential is Hill's number of order 1
    return {
        "class_ratio": ratio(counts),
        "worst_split_ratio": max(by_split, default=1.0) / ratio(counts),
        "effective_share": float(np.exp(entropy)) / max(len(counts), 1),
        "constant_accuracy": float(shares.max()) if len(shares) else 0.0,
    }


def ratio(counts: pd.Series) -> float:
    """Largest / smallest count; 1 for none."""
    return float(counts.max() / counts.min()) if len(counts) else 1.0


def promises(options: Options) -> list[Promise]:
    """Ratio, effective number and constant answer are inside the limit of each severity."""

    def uneven(name: str, limit: float) -> Explain:
        def explain(images: pd.DataFrame, observed: object) -> str:
            counts = images[images["usable"]]["label"].astype("str").value_counts()
            return (
                f"class {counts.index[-1]!r} has {counts.iloc[-1]:,} of {counts.sum():,} images, 1 for every "
                f"{observed:.3g} of {counts.index[0]!r}; checks.balanced.{name} is {limit:g}; {REMEDY}"
            )

        return explain

    def split(images: pd.DataFrame, observed: object) -> str:
        return f"one split is {observed:.3g} times as imbalanced as the whole set; its images were divided unevenly"

    def few(images: pd.DataFrame, observed: object) -> str:
        n = images["label"].nunique()
        return f"the {n} classes count as {observed * n:.1f} of equal size; {REMEDY}"  # type: ignore[operator]

    def constant(images: pd.DataFrame, observed: object) -> str:
        return f"always naming the largest class would score {observed:.1%}: judge by balanced accuracy, not accuracy"

    def rule(text: str, name: str, measure: str, severity: Severity, explain: Explain) -> Promise:
        return Promise(text, measure, severity, explain, maximum=getattr(options, name))

    largest = "the largest class is not too many times the smallest"
    warn, stop = (uneven(name, getattr(options, name)) for name in ("warn_ratio", "max_ratio"))
    least = options.min_effective_share
    return [
        rule(largest, "warn_ratio", "class_ratio", "warning", warn),
        rule(largest, "max_ratio", "class_ratio", "critical", stop),
        rule("no split is more imbalanced than the whole", "max_split_ratio", "worst_split_ratio", "warning", split),
        Promise("most classes carry their weight", "effective_share", "warning", few, minimum=least),
        rule("a constant answer scores low", "max_constant_accuracy", "constant_accuracy", "warning", constant),
    ]
