"""balanced: the largest class is not too many times the smallest."""

from functools import cache
from typing import Any, ClassVar

import pandas as pd
from pydantic import Field, model_validator

from stages.core.findings import Promise
from stages.core.options import Section


class Options(Section):
    """From which ratio on it is worth a warning, and from which on training would mislead."""

    warn_ratio: float = Field(ge=1, description="largest / smallest class above which to warn")
    max_ratio: float = Field(ge=1, description="largest / smallest class above which to stop")

    @model_validator(mode="after")
    def warn_first(self) -> "Options":
        """Raise ValueError when the warning would come after the stop."""
        if self.warn_ratio > self.max_ratio:
            raise ValueError("warn_ratio must be at most max_ratio")
        return self


@cache
def expectation_class() -> Any:
    """Make our expectation; only here, so that reading params.yaml need not import Great Expectations (4 s)."""
    from great_expectations.expectations.expectation import ColumnAggregateExpectation

    class ExpectClassRatioToBeAtMost(ColumnAggregateExpectation):  # type: ignore[misc]
        """Expect the most frequent value to occur at most `max_ratio` times as often as the rarest."""

        max_ratio: float = 1.0
        metric_dependencies: ClassVar[tuple[str, ...]] = ("column.value_counts",)
        success_keys: ClassVar[tuple[str, ...]] = ("max_ratio",)

        def _validate(self, metrics: dict[str, Any], **_: Any) -> dict[str, Any]:
            counts = metrics["column.value_counts"]
            ratio = float(counts.max() / counts.min()) if len(counts) else 1.0
            return {"success": ratio <= self.max_ratio, "result": {"observed_value": round(ratio, 4)}}

    return ExpectClassRatioToBeAtMost


def columns(manifest: pd.DataFrame) -> dict[str, pd.Series]:
    """Classes of the readable images only."""
    return {"readable_label": manifest["label"].where(manifest["error"].isna())}


def promises(options: Options) -> list[Promise]:
    """The ratio is below the limit of each severity."""

    def explained(name: str, limit: float) -> Any:
        def explain(bad: pd.DataFrame, observed: object) -> str:
            counts = bad["readable_label"].value_counts()
            return (
                f"class {counts.index[-1]!r} has {counts.iloc[-1]:,} of {counts.sum():,} images, 1 for every "
                f"{counts.iloc[0] / counts.iloc[-1]:.3g} of {counts.index[0]!r}; checks.balanced.{name} is {limit:g}"
            )

        return explain

    limits = {"warning": ("warn_ratio", options.warn_ratio), "critical": ("max_ratio", options.max_ratio)}
    return [
        Promise(
            "the largest class is not too many times the smallest",
            expectation_class()(column="readable_label", max_ratio=limit),
            severity,  # type: ignore[arg-type]
            limit,
            explained(name, limit),
        )
        for severity, (name, limit) in limits.items()
    ]
