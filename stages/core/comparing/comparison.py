"""A whole comparison of two candidates, as plain values that every form of it is made from."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from stages.core.comparing.flips import GAINED, LOST, changed_cells, difference_matrix, flips
from stages.core.comparing.images import recognition
from stages.core.comparing.locked import locked_packages
from stages.core.comparing.measuring import Difference, differences
from stages.core.comparing.origins import Origin, origins, unknown
from stages.core.comparing.pairing import Pair, paired, refused
from stages.core.comparing.sides import Side, judgement
from stages.core.comparing.verdict import Verdict, verdict
from stages.core.evaluating.significance import discordant
from stages.core.files import records
from stages.core.layout import Layout
from stages.core.reporting.standing import said_by_validation
from stages.core.settings.params import Params

COSTS = {
    "multiply_adds": "multiply-adds",
    "n_parameters": "parameters",
    "model_bytes": "bytes",
    "n_epochs": "epochs",
    "train_cpu_s": "training, CPU s",
    "train_wall_s": "training, s",
    "latency_one_image_ms": "one image, ms",
    "latency_batch_us_per_image": "an image of a batch, µs",
}
FEW = 10  # images that tell two models apart, below which resampled intervals hold 85 %: benchmarks/coverage.py
MOST_CELLS = 10  # of the confusions whose number changed


@dataclass(frozen=True)
class Compared:
    """Everything that was found of A and B.

    flips: see flips.flips; matrix: images int64 [K, K], B - A; cells: the confusions that changed most; cost: name ->
    what A and B cost, None where nobody measured; notes: what must be known to read it.
    """

    a: Side
    b: Side
    pair: Pair
    verdict: Verdict
    differences: list[Difference]
    flips: pd.DataFrame
    matrix: np.ndarray
    cells: pd.DataFrame
    origins: list[Origin]
    cost: dict[str, tuple[float | None, float | None]]
    confidence: float
    notes: list[str] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, str]:
        """What A and B are called."""
        return self.a.called, self.b.called

    def n_flips(self, kind: str) -> int:
        """Number of images of one kind of flip."""
        return int((self.flips["kind"] == kind).sum())


def compared(layout: Layout, params: Params, sides: tuple[Side, Side], split: str, intersection: bool) -> Compared:
    """Compare two sides on a split. Raises UserError when their images differ, unless the intersection will do."""
    a, b = sides
    pair = paired(judgement(a, split), judgement(b, split), split, recognition(layout, a, b))
    if not (pair.same_images or intersection):
        raise refused(pair)
    found = differences(pair, params.tree.evaluate)
    return Compared(
        a=a,
        b=b,
        pair=pair,
        verdict=verdict(pair, found, params.tree.report.champion, (a.called, b.called)),
        differences=found,
        flips=flips(pair),
        matrix=difference_matrix(pair),
        cells=changed_cells(pair, MOST_CELLS),
        origins=origins(a, b, locked_packages(layout, a, b)),
        cost=costs(a, b),
        confidence=params.tree.evaluate.confidence,
        notes=notes(a, b, pair),
    )


def costs(a: Side, b: Side) -> dict[str, tuple[float | None, float | None]]:
    """What both cost, by what is measured."""
    numbers = [side.metrics | side.timing for side in (a, b)]
    return {name: (numbers[0].get(name), numbers[1].get(name)) for name in COSTS if any(name in one for one in numbers)}


def notes(a: Side, b: Side, pair: Pair) -> list[str]:
    """What one must know to read the numbers."""
    said = []
    if not pair.same_images:
        said.append(
            f"only the {len(pair.a.truth):,} images in common are compared; left out: {pair.only_a:,} of A alone, "
            f"{pair.only_b:,} of B alone, {pair.relabelled:,} with another class"
        )
    if pair.probabilities is None:
        said.append("one of the two was evaluated before probabilities were kept: no ROC AUC, ECE and top-k accuracy")
    if pair.split == "val":
        said += [f"{side.called}: {text}" for side in (a, b) for text in said_by_validation(side.record)]
    n_apart = sum(discordant(pair.a, pair.b))
    if n_apart < FEW:
        said.append(
            f"only {n_apart} images are right in one of the two alone: of so few, intervals are known to be too short, "
            "but for those of accuracy and top-k accuracy"
        )
    hosts = [side.run.get("host") for side in (a, b)]
    if all(hosts) and hosts[0] != hosts[1]:
        said.append("seconds were taken on different machines")
    return said + unknown(a, b)


def as_json(found: Compared) -> dict[str, Any]:
    """The whole as plain values."""
    pair = found.pair
    about = [{"called": one.called, "where": one.where, "key": one.record["key"]} for one in (found.a, found.b)]
    return {
        "a": about[0],
        "b": about[1],
        "verdict": asdict(found.verdict),
        "images": {
            "split": pair.split,
            "n": len(pair.a.truth),
            "known_by": pair.known_by,
            **{name: getattr(pair, name) for name in ("only_a", "only_b", "relabelled")},
        },
        "measures": [measure(one) for one in found.differences],
        "confidence": found.confidence,
        "classes": pair.classes,
        "difference_matrix": found.matrix.tolist(),
        "flips": {"lost": found.n_flips(LOST), "gained": found.n_flips(GAINED), "images": plain(found.flips)},
        "cost": {name: {"a": a, "b": b} for name, (a, b) in found.cost.items()},
        "origins": [asdict(one) for one in found.origins],
        "notes": found.notes,
    }


def measure(one: Difference) -> dict[str, Any]:
    """A measure as plain values; p is None where there is no test of it."""
    numbers = {name: getattr(one, name) for name in ("measure", "a", "b", "change", "low", "high")}
    p = one.tested.p if one.tested else None
    return numbers | {"p": p, "p_seeds": one.tested.p_seeds if one.tested else None}


def plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON has them: None for what is missing."""
    return records(table.astype(object).where(table.notna(), None))
