"""Parallel coordinates: every trial of a search as a line over its values and its score, in SVG units."""

from typing import Any

import numpy as np
import pandas as pd

from stages.core.reporting.plot_scale import compact

WIDTH, HEIGHT, TOP, BOTTOM, SIDE = 920, 320, 40, 20, 70  # SVG units
MAX_AXES = 10  # more are too many to follow a line; the table above the plot has them all
LOG_RATIO = 50.0  # a positive range over more than this factor is drawn in logarithms
N_SHADES = 5  # of style.css: .q0 (the worst fifth) to .q4 (the best)


def parallel_coordinates(trials: pd.DataFrame, names: list[str], objective: str, less: bool) -> dict[str, Any] | None:
    """Axes and lines for figures.html, the best trial drawn last; None with fewer than two scores or no value.

    names: hyperparameters in their order of importance; those that never vary are left out. less: lower is better.
    """
    scored = trials[trials["score"].notna()]
    varied = [name for name in names if name in scored and scored[name].nunique() > 1][:MAX_AXES]
    if len(scored) < 2 or not varied:
        return None
    columns = [*varied, "score"]
    step = (WIDTH - 2 * SIDE) / (len(columns) - 1)
    axes = [axis(scored[name], objective if name == "score" else name) for name in columns]
    order = scored["score"].rank(ascending=not less, pct=True)
    lines = [
        {
            "trial": int(trial),
            "shade": min(N_SHADES - 1, int(share * N_SHADES)),
            "points": [(round(SIDE + step * place, 1), axes[place]["heights"][row]) for place in range(len(columns))],
            "text": trial_text(trial, scored.iloc[row], columns, objective),
        }
        for row, (trial, share) in enumerate(zip(scored["trial"], order, strict=True))
    ]
    return {
        "width": WIDTH,
        "height": HEIGHT,
        "top": TOP,
        "bottom": HEIGHT - BOTTOM,
        "axes": [{**one, "x": round(SIDE + step * place, 1)} for place, one in enumerate(axes)],
        "lines": [with_path(line) for line in sorted(lines, key=lambda line: (line["shade"], line["trial"]))],
    }


def axis(column: pd.Series, name: str) -> dict[str, Any]:
    """Name, height in SVG units of each row (None where the value is inactive) and the ticks of one axis."""
    numbers = pd.to_numeric(column, errors="coerce")
    if column.notna().equals(numbers.notna()) and column.dtype != bool:
        shares, ticks = numeric_shares(numbers.to_numpy(float))
    else:
        shares, ticks = word_shares(column)
    low, high = HEIGHT - BOTTOM, TOP
    return {
        "name": name,
        "heights": [None if np.isnan(share) else round(low + share * (high - low), 1) for share in shares],
        "ticks": [(round(low + share * (high - low), 1), text) for share, text in ticks],
    }


def numeric_shares(values: np.ndarray) -> tuple[np.ndarray, list[tuple[float, str]]]:
    """Values between the lowest (0) and the highest (1), and ticks at both and in the middle.

    values: float [N], NaN where inactive.
    """
    low, high = np.nanmin(values), np.nanmax(values)
    if high == low:
        return np.where(np.isnan(values), np.nan, 0.5), [(0.5, compact(low))]
    log = low > 0 and high / low > LOG_RATIO
    middle = np.sqrt(low * high) if log else (low + high) / 2
    shares = np.log(values / low) / np.log(high / low) if log else (values - low) / (high - low)
    return shares, [(0.0, compact(low)), (0.5, compact(middle)), (1.0, compact(high))]


def word_shares(column: pd.Series) -> tuple[np.ndarray, list[tuple[float, str]]]:
    """Words at even distances in alphabetical order."""
    words = sorted({str(value) for value in column.dropna()})
    places = {word: place / max(len(words) - 1, 1) for place, word in enumerate(words)}
    shares = np.array([places[str(value)] if pd.notna(value) else np.nan for value in column])
    return shares, [(share, word[:18]) for word, share in places.items()]


def trial_text(trial: int, row: pd.Series, columns: list[str], objective: str) -> str:
    """One trial in words."""
    values = [f"{objective if name == 'score' else name} {short(row[name])}" for name in columns if pd.notna(row[name])]
    return f"trial {trial:g}: {', '.join(values)}"


def short(value: Any) -> str:
    """A value for people: numbers with four digits."""
    return f"{value:.4g}" if isinstance(value, int | float | np.number) and not isinstance(value, bool) else str(value)


def with_path(line: dict[str, Any]) -> dict[str, Any]:
    """Add the SVG path: a new stroke begins after an inactive value."""
    parts, pen_up = [], True
    for x, y in line["points"]:
        if y is not None:
            parts.append(f"{'M' if pen_up else 'L'}{x:g} {y:g}")
        pen_up = y is None
    return {**line, "path": "".join(parts)}
