"""Who competes and in which order: candidates as their evaluations describe them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core.candidates.candidate import RECORD
from stages.core.evaluating.significance import LOWER_IS_BETTER
from stages.core.files import read_json
from stages.core.layout import Layout

REFIT = "_refit"
TUNED, OPTIMISTIC = "tune", "chosen on validation"  # the stage of a search


@dataclass(frozen=True)
class Standing:
    """A candidate as its evaluation describes it, in `folder`; a failed one has no metrics.

    refit_of: the candidate that this one repeats on train and validation images, or nothing.
    """

    name: str
    folder: Path
    record: dict[str, Any]
    metrics: dict[str, float]
    refit_of: str = ""

    @property
    def failure(self) -> str:
        """Why its training failed, or nothing."""
        return self.record["failure"] or ""

    @property
    def competes(self) -> bool:
        """Whether validation images can judge it: it has a model that did not fit them."""
        return not self.failure and "val_accuracy" in self.metrics

    @property
    def optimistic(self) -> bool:
        """Whether it was chosen on the validation images among others, so that its measures on them are too good."""
        return OPTIMISTIC in self.note

    @property
    def note(self) -> str:
        """What one must know to read its numbers, or nothing."""
        if not self.competes and not self.failure:
            return f"refit of {self.refit_of}" if self.refit_of else "fitted on train and validation"
        return "" if self.failure else " and ".join(said_by_validation(self.record))

    def score(self, measure: str) -> float:
        """Return a measure, as the mean over seeds where there are several. Raises KeyError for one it hasn't got."""
        return self.metrics.get(f"{measure}_mean", self.metrics[measure])


def said_by_validation(record: dict[str, Any]) -> list[str]:
    """What validation images had a say in, of a candidate that a search found or that is made of others."""
    params, method = record["params"], record["params"].get("method")
    if record["stage"] == TUNED:
        return [f"settings {OPTIMISTIC}"]
    if record["stage"] != "combine":
        return []
    said = ["fitted on validation, measured there out of fold"] if method in ("weighted", "stack") else []
    said += [f"members {OPTIMISTIC}"] if params.get("choose") == "greedy" else []
    return said + [f"with a member whose settings were {OPTIMISTIC}"] * any(
        member.endswith("-tuned") for member in params["members"]
    )


def standings(layout: Layout, names: list[str]) -> list[Standing]:
    """Read exactly the named candidates. Raises UserError when one has not been evaluated."""
    originals = {refit_name(name): name for name in names}
    folders = {name: layout.evaluation(name) for name in names}
    return [
        Standing(name, folder, read_json(folder / RECORD), read_json(folder / "metrics.json"), originals.get(name, ""))
        for name, folder in folders.items()
    ]


def refit_name(name: str) -> str:
    """Name of the entry that repeats a candidate on all but the test images."""
    return name.replace("-", "_") + REFIT


def ranked(found: list[Standing], measure: str) -> list[Standing]:
    """Best on validation first; ties by fewer multiply-adds, then by name; then last fits, and failed ones last."""
    sign = 1 if lower_is_better(measure) else -1

    def order(standing: Standing) -> tuple[Any, ...]:
        if not standing.competes:
            return (2 if standing.failure else 1, 0.0, 0.0, standing.name)
        return (0, sign * standing.score(measure), standing.metrics["multiply_adds"], standing.name)

    return sorted(found, key=order)


def lower_is_better(measure: str) -> bool:
    """Whether less is better in a measure that is named with its split, like val_log_loss."""
    return measure.partition("_")[2] in LOWER_IS_BETTER
