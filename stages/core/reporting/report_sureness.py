"""How sure a candidate is, and whether that can be believed: reliability, temperature, threshold, risk and coverage."""

import pandas as pd

from stages.core.files import records
from stages.core.reporting.evaluated import Evaluated
from stages.core.reporting.plot_scale import Axis, around
from stages.core.reporting.plotting import Plot, Series

SMALLEST, LARGEST = 3.5, 9.0  # radius of a dot
MIN_IN_BIN = 10  # images in a bin of the reliability diagram before its error says anything


def sureness(evaluated: Evaluated) -> list[str]:
    """Sentences: how far confidence is off, what the temperature mended, what the threshold means."""
    metrics, split, kept = evaluated.standing.metrics, evaluated.split, evaluated.calibration
    said = [
        f"On the {evaluated.images} its confidence is {points(metrics[f'{split}_ece'])} off on average (ECE)"
        f"{worst_bin(evaluated.table('reliability'))}."
    ]
    if kept.temperature is None:
        said.append(
            "Probabilities are told as the model gives them: no temperature is wanted, or none makes them better."
        )
    else:
        said.append(
            f"A temperature of {kept.temperature:.3g}, fitted on validation images, is part of the model; "
            f"without it the confidence is {points(metrics[f'{split}_ece_raw'])} off."
        )
    return [*said, threshold_said(evaluated)]


def worst_bin(bins: pd.DataFrame) -> str:
    """How far confidence is off in the worst bin, of those that hold enough images to say; nothing without one."""
    full = bins[bins["n"] >= MIN_IN_BIN]
    if len(full) < 2:
        return ""
    errors = (full["accuracy"] - full["confidence"]).abs().to_numpy()
    worst = int(errors.argmax())
    return f", and {points(errors[worst])} in the worst bin, which holds {int(full['n'].iloc[worst]):,} images"


def threshold_said(evaluated: Evaluated) -> str:
    """What is answered and what is left as “not sure”."""
    metrics, split, kept = evaluated.standing.metrics, evaluated.split, evaluated.calibration
    wanted = f"{100 * kept.wanted_precision:g} %"
    if kept.threshold is None:
        why = "it makes too many mistakes, or the validation images are too few"
        return f"No confidence is known from which {wanted} of its answers are right: {why}."
    if kept.threshold == 0:
        return f"As {wanted} of its answers are to be right, it need not say “not sure” of any image."
    right = f"{split}_answered_accuracy"
    said = f", and {percent(metrics[right])} of those answers are right" if right in metrics else ""
    return (
        f"To have {wanted} of its answers right it says “not sure” below a confidence of {kept.threshold:.3f}: "
        f"it answers {percent(metrics[f'{split}_coverage'])} of the {evaluated.images}{said}."
    )


def sureness_plots(evaluated: Evaluated) -> list[Plot]:
    """Reliability diagram, and risk by coverage."""
    return [
        reliability_plot(evaluated.table("reliability"), evaluated.images),
        risk_plot([(evaluated.standing.name, evaluated)], evaluated.images),
    ]


def reliability_plot(bins: pd.DataFrame, images: str) -> Plot:
    """Accuracy against confidence, a dot a bin, larger where there are more images; whiskers are Wilson's interval."""
    filled = bins[bins["n"] > 0]
    most = max(filled["n"].max(), 1)
    rows = records(filled)
    return Plot(
        title="Reliability: is it right as often as it says?",
        text="accuracy by confidence: " + "; ".join(bin_said(row) for row in rows),
        x=Axis("confidence", 0, 1.03),
        y=Axis("accuracy", -0.02, 1.03),
        series=[
            Series("", [(0, 0), (1, 1)], "guide"),
            Series(
                images,
                [(row["confidence"], row["accuracy"]) for row in rows],
                "dots",
                said=[bin_said(row) for row in rows],
                spans=[(row["accuracy_low"], row["accuracy_high"]) for row in rows],
                sizes=[round(SMALLEST + (LARGEST - SMALLEST) * (row["n"] / most) ** 0.5, 1) for row in rows],
            ),
        ],
        read="singly",
        notes=[
            "On the line it is as sure as it is right, above it is too modest, below too sure. Larger: more images."
        ],
    )


def bin_said(row: dict[str, float]) -> str:
    """One bin of the reliability diagram in words."""
    return (
        f"{row['n']:,.0f} images at {percent(row['confidence'])} confidence, {percent(row['accuracy'])} right "
        f"({percent(row['accuracy_low'])} to {percent(row['accuracy_high'])})"
    )


def risk_plot(found: list[tuple[str, Evaluated]], images: str) -> Plot:
    """Share of mistakes among the answers, by the share of images answered, the surest first; a line a candidate."""
    tables = {name: evaluated.table("risk_coverage") for name, evaluated in found}
    series = [Series(name, list(zip(table["coverage"], table["risk"], strict=True))) for name, table in tables.items()]
    marks = [
        (name, evaluated)
        for name, evaluated in found
        if f"{evaluated.split}_answered_accuracy" in evaluated.standing.metrics
    ]
    if marks:
        at = [(one.metric("coverage"), 1 - one.metric("answered_accuracy")) for _, one in marks]
        said = [
            f"threshold of {name}: {percent(x)} answered, {percent(y)} of those wrong"
            for (name, _), (x, y) in zip(marks, at, strict=True)
        ]
        series.append(Series("at the threshold", at, "dots", said=said))
    return Plot(
        title="Risk and coverage: mistakes that are left when it answers only what it is sure of",
        text=f"share of mistakes by share of {images} answered",
        x=Axis("share of images answered", 0, 1.02),
        y=around("share of those wrong", [0.0, *(value for table in tables.values() for value in table["risk"])]),
        series=series,
    )


def percent(share: float) -> str:
    """A share for people."""
    return f"{100 * share:.1f} %"


def points(share: float) -> str:
    """A difference of shares for people."""
    return f"{100 * share:.1f} points"
