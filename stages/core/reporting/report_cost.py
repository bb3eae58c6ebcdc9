"""What candidates cost against what they reach, as plots: the Pareto front by multiply-adds and by size of the file."""

from typing import Any, Literal

from stages.core.files import human_bytes, listed, records
from stages.core.reporting.leaderboard import front_points
from stages.core.reporting.plot_scale import around
from stages.core.reporting.plotting import Plot, Series
from stages.core.reporting.standing import Standing

MAX_NAMES = 12  # beside the dots of a plot, before they cover each other
Cost = Literal["multiply_adds", "model_bytes"]
NAMES: dict[Cost, str] = {"multiply_adds": "multiply-adds an image", "model_bytes": "bytes of the model's files"}


def cost_plots(order: list[Standing], champion: str) -> list[Plot]:
    """One plot a cost, with every candidate that competes; none of fewer than two: one dot compares nothing."""
    rows = records(front_points(order))
    return [cost_plot(rows, cost, champion) for cost in NAMES] if len(rows) > 1 else []


def cost_plot(rows: list[dict[str, Any]], cost: Cost, champion: str) -> Plot:
    """Validation accuracy against a cost, and the line along which nothing is better for less."""
    log = min(row[cost] for row in rows) > 0
    best = upper_left([(row[cost], row["val_accuracy"]) for row in rows])
    won = [row for row in rows if row["candidate"] == champion]
    dots = {"others": [row for row in rows if row not in won], "champion": won}
    named = tags(rows, cost)
    return Plot(
        title=f"Accuracy on validation by {NAMES[cost]}",
        text="; ".join(said(row) for row in rows),
        x=around(NAMES[cost], [row[cost] for row in rows], log=log),
        y=around("accuracy on validation", [row["val_accuracy"] for row in rows]),
        series=[
            Series("", best, "guide"),
            *(
                Series(
                    name,
                    [(row[cost], row["val_accuracy"]) for row in own],
                    "dots",
                    said=[said(row) for row in own],
                    sizes=[6.0] * len(own),
                    tags=[named.get(str(row["candidate"]), "") for row in own],
                )
                for name, own in dots.items()
                if own
            ),
        ],
        read="singly",
    )


def tags(rows: list[dict[str, Any]], cost: Cost) -> dict[str, str]:
    """Names beside the dots, those at one place together beside the first of them; of many, only those of the front."""
    places: dict[tuple[float, float], list[str]] = {}
    for row in rows:
        if row["pareto"] or len(rows) <= MAX_NAMES:
            places.setdefault((row[cost], row["val_accuracy"]), []).append(str(row["candidate"]))
    return {names[0]: listed(names, 2) for names in places.values()}


def upper_left(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points that nothing beats for less, from the cheapest to the best."""
    found: list[tuple[float, float]] = []
    for cost, value in sorted(points, key=lambda point: (point[0], -point[1])):
        if not found or value > found[-1][1]:
            found.append((cost, value))
    return found


def said(row: dict[str, Any]) -> str:
    """One candidate in words."""
    return (
        f"{row['candidate']}: {100 * row['val_accuracy']:.2f} % for {row['multiply_adds']:,.0f} multiply-adds "
        f"and {human_bytes(row['model_bytes'])}"
    )
