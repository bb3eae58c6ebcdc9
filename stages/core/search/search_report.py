"""Tables and pictures of a search: what mattered, every trial at a glance, how soon the best was found."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.core.evaluating.plots import default_style, write_png
from stages.core.files import write_csv, write_text
from stages.core.search.importance import importances, is_numeric
from stages.core.search.trials import Trials
from stages.core.search.tuning import sign
from stages.core.settings.search_space import own_values

IMPORTANCE, SHOWN = "importance.csv", 12  # hyperparameters in a picture


def write_search(trials: Trials, folder: Path) -> None:
    """Write importance.csv, .png, parallel.png and progress.png of a search that has ended."""
    folder.mkdir(parents=True, exist_ok=True)
    values, scores = tried(trials)
    table = importances(values, sign(trials.tune) * scores)
    write_csv(folder / IMPORTANCE, table)
    write_text(folder / "summary.txt", "\n".join(summary(trials, table)) + "\n")
    if len(table):
        importance_picture(table, folder / "importance.png")
    shown = list(table["hyperparameter"][:SHOWN]) or list(values.columns[:SHOWN])
    parallel_picture(values[shown], scores, trials.tune.objective, folder / "parallel.png")
    progress_picture(trials, folder / "progress.png")


def tried(trials: Trials) -> tuple[pd.DataFrame, np.ndarray]:
    """Values and scores of the trials that succeeded; the epochs are a column where they differ."""
    good = [trials.ended[n] for n in sorted(trials.ended) if trials.ended[n].score is not None]
    names = list(dict.fromkeys(name for outcome in good for name in outcome.proposal.values))
    columns = {name: pd.Series([o.proposal.values.get(name) for o in good], dtype=object) for name in names}
    epochs = pd.Series([outcome.proposal.epochs for outcome in good], dtype=object)
    columns |= {"epochs": epochs} if epochs.nunique() > 1 and "fit.epochs" not in names else {}
    return pd.DataFrame(columns), np.array([float(outcome.score or 0.0) for outcome in good])


def summary(trials: Trials, table: pd.DataFrame) -> list[str]:
    """What a reader of the trials must know, and what mattered."""
    inside = own_values(trials.base.written, trials.tune.space) is not None
    lines = ["Trial 1 is the entry as written." if inside else "The entry lies outside the space: no trial is it."]
    if "minutes" in trials.tune.budget:
        n, minutes = len(trials.ended), trials.tune.budget["minutes"]
        lines.append(f"Not reproducible: its budget was {minutes} minutes, in which {n} trials were reached here.")
    return [*lines, what_mattered(trials, table)]


def what_mattered(trials: Trials, table: pd.DataFrame) -> str:
    """A sentence that does not claim more than the trials show."""
    n = sum(outcome.score is not None for outcome in trials.ended.values())
    if not len(table):
        return f"{n} trials with a score are too few, or too alike, to say what mattered."
    telling = table[table["importance"] > table["chance"]]
    if not len(telling):
        return f"In {n} trials no hyperparameter told more about the score than chance would."
    parts = [described(row) for _, row in telling.head(3).iterrows()]
    return (
        f"In {n} trials more than chance mattered: {', '.join(parts)}. The other values showed no effect above chance."
    )


def described(row: pd.Series) -> str:
    """One hyperparameter and its direction."""
    correlation = row["rank_correlation"]
    if pd.isna(correlation) or abs(correlation) < 0.3:
        return str(row["hyperparameter"])
    return f"{row['hyperparameter']} ({'more' if correlation > 0 else 'less'} was better)"


@default_style()
def importance_picture(table: pd.DataFrame, path: Path) -> None:
    """Draw the importances as bars, with what chance gives as a mark."""
    from matplotlib.figure import Figure

    top = table.head(SHOWN).iloc[::-1]
    figure = Figure(figsize=(7, 1.2 + 0.35 * len(top)), layout="constrained")
    axes = figure.add_subplot()
    axes.barh(top["hyperparameter"], top["importance"], color="tab:blue", label="importance")
    axes.scatter(top["chance"], top["hyperparameter"], color="black", marker="|", s=120, label="chance", zorder=3)
    axes.set(xlabel="share of the scores' variance lost when shuffled", title="what mattered")
    axes.legend(loc="lower right")
    write_png(figure, path)


@default_style()
def parallel_picture(values: pd.DataFrame, scores: np.ndarray, objective: str, path: Path) -> None:
    """Draw every trial as a line over its values, coloured by its score; a gap where a value is inactive."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(5.0, 1.5 * len(values.columns) + 2), 4.5), layout="constrained")
    axes = figure.add_subplot()
    places = [axis_of(values[name]) for name in values]
    norm = mpl.colors.Normalize(scores.min(), scores.max() if np.ptp(scores) else scores.min() + 1)
    heights = np.array([place for place, _ in places]).reshape(len(places), -1).T
    for row, score in sorted(zip(heights, scores, strict=True), key=lambda pair: pair[1]):
        axes.plot(range(len(row)), row, color=mpl.colormaps["viridis"](norm(score)), marker="o", linewidth=1.2)
    for x, (_, ticks) in enumerate(places):
        axes.axvline(x, color="0.8", zorder=0)
        for y, text in ticks:
            axes.annotate(text, (x, y), xytext=(4, 0), textcoords="offset points", fontsize=7)
    axes.set_xticks(range(len(places)), list(values.columns), rotation=20, fontsize=8, ha="right")
    axes.set(yticks=[], title="one line a trial")
    figure.colorbar(mpl.cm.ScalarMappable(norm, "viridis"), ax=axes, label=objective)
    write_png(figure, path)


def axis_of(column: pd.Series) -> tuple[list[float], list[tuple[float, str]]]:
    """Heights in [0, 1] of a column's values, NaN where inactive, and the marks of its axis: its lowest and highest.

    A range over more than a factor of 50 is drawn in logarithms.
    """
    active = column[column.notna()]
    if not is_numeric(column):
        words = sorted(set(active.astype(str)))
        step = 1 / max(len(words) - 1, 1)
        at = {word: index * step for index, word in enumerate(words)}
        return [at.get(str(v), float("nan")) if v is not None else float("nan") for v in column], [
            (height, word[:18]) for word, height in at.items()
        ]
    raw: Any = pd.to_numeric(column).to_numpy(float)
    low, high = np.nanmin(raw), np.nanmax(raw)
    scaled = (
        np.log(raw / low) / np.log(high / low) if low > 0 and high / low > 50 else (raw - low) / ((high - low) or 1)
    )
    return list(scaled), [(0.0, f"{low:.3g}"), (1.0, f"{high:.3g}")] if high > low else [(0.0, f"{low:.3g}")]


@default_style()
def progress_picture(trials: Trials, path: Path) -> None:
    """Draw the score of every trial by its number, and the best so far."""
    from matplotlib.figure import Figure

    good = [trials.ended[n] for n in sorted(trials.ended) if trials.ended[n].score is not None]
    numbers, scores = [o.proposal.number for o in good], np.array([float(o.score or 0.0) for o in good])
    way = sign(trials.tune)
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.add_subplot()
    colours = ["tab:red" if outcome.pruned else "tab:blue" for outcome in good]
    axes.scatter(numbers, scores, c=colours, label="trial (red: given up)")
    axes.step(numbers, way * np.maximum.accumulate(way * scores), where="post", color="black", label="best so far")
    axes.set(xlabel="trial", ylabel=trials.tune.objective)
    axes.legend()
    write_png(figure, path)
