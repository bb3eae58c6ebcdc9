"""What a learning curve says: accuracy by share, and whether the last doubling of the images brought any."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.core.comparing.measuring import newcombe
from stages.core.evaluating.intervals import measured
from stages.core.evaluating.metrics import outcomes
from stages.core.settings.evaluate_options import Evaluate

MEASURES = ("accuracy", "macro_f1")
COLUMNS = ["share", "seed", "n_train", *(f"{name}{end}" for name in MEASURES for end in ("", "_low", "_high"))]


@dataclass(frozen=True)
class Gain:
    """Accuracy that a doubling of the images brought, with its interval; from and to so many images, over seeds."""

    gain: float
    low: float
    high: float
    n_from: float
    n_to: float


def row(share: float, seed: int, n_train: int, said: pd.DataFrame, options: Evaluate) -> dict[str, float]:
    """A row of the table: one training, with the intervals that evaluate gives; empty where it gives none."""
    found = measured(outcomes(said, "val"), options)
    about = {"share": share, "seed": seed, "n_train": n_train}
    return about | {name: found.get(name, math.nan) for name in COLUMNS if name not in about}


def hits(said: pd.DataFrame) -> np.ndarray:
    """Whether each validation image was answered right, bool [N]."""
    outcome = outcomes(said, "val")
    return np.asarray(outcome.predicted == outcome.truth)


def last_doubling(fewer: np.ndarray, more: np.ndarray, images: tuple[float, float], confidence: float) -> Gain:
    """Gain from one share to the next, as that of a doubling. fewer, more: bool [S, N], hits of S seeds on N images.

    With one seed: Newcombe's interval of paired proportions, which knows of chance in the validation images alone. With
    several: that of `half_width`, which knows of chance in the draw of training images and in training too.
    """
    gain = float(more.mean() - fewer.mean())
    if len(more) == 1:
        low, high = newcombe(fewer[0], more[0], confidence)
    else:
        half = half_width(more.astype(float) - fewer, confidence)
        low, high = gain - half, gain + half
    doublings = math.log2(images[1] / images[0])
    return Gain(gain / doublings, low / doublings, high / doublings, *images)


def half_width(changes: np.ndarray, confidence: float) -> float:
    """Half of the interval of the mean of changes float64 [S, N], where seeds and images are both drawn by chance.

    The variance of a mean over two crossed random effects: that of the images' means, and of what the seeds' means vary
    beyond the images' own chance. Student's t with the freedom of Satterthwaite 1946. To the images come two of which
    no one knows better, as Agresti & Min 2005 do: where few images differ, they may have differed by chance.
    """
    from scipy.stats import t

    n_seeds, n_images = changes.shape
    by_seed, by_image = changes.mean(axis=1), changes.mean(axis=0)
    left = changes - by_seed[:, None] - by_image + changes.mean()
    of_images = ((by_image**2).sum() - n_images * changes.mean() ** 2 + 1) / (n_images + 2) ** 2
    of_seeds = by_seed.var(ddof=1) / n_seeds
    within = (left**2).sum() / ((n_images - 1) * (n_seeds - 1)) / (n_images * n_seeds)
    total = of_images + max(0.0, of_seeds - within)
    freedom = total**2 / (of_seeds**2 / (n_seeds - 1) + of_images**2 / (n_images - 1))
    return float(t.ppf((1 + confidence) / 2, freedom) * math.sqrt(total))


def in_words(found: Gain, n_val: int, n_seeds: int) -> str:
    """One sentence: whether more images like these would help."""
    gain = round(found.gain, 4) + 0.0  # no minus before zero
    doubling = (
        f"the last doubling ({found.n_from:,.0f} to {found.n_to:,.0f} images) brought {gain:+.4f} accuracy "
        f"({found.low:+.4f} to {found.high:+.4f})"
    )
    if found.low > 0:
        answer = f"more images like these would help: {doubling}"
    elif found.high < 0:
        answer = f"more images like these made it worse: {doubling}; look at their labels and at the training"
    else:
        answer = (
            f"it can't be told whether more images like these would help: {doubling}; hardly more than its upper end"
        )
    seeds = f"{n_seeds} seeds" if n_seeds > 1 else "one seed: chance in training is not in the interval"
    return f"{answer}; {n_val:,} validation images, {seeds}"


def as_text(table: pd.DataFrame) -> str:
    """A line a share; every number is the mean over seeds, the ends of an interval too."""
    lines = [f"{'share':>8}{'images':>10}{'accuracy':>11}{'':<20}{'macro F1':>9}"]
    for share, means in table.groupby("share", sort=True).mean().iterrows():
        cells = [f"{100 * float(str(share)):>6.4g} %{means['n_train']:>10,.0f}"]
        for name, width in zip(MEASURES, (11, 9), strict=True):
            low, high = means[f"{name}_low"], means[f"{name}_high"]
            ends = f" ({low:.4f} to {high:.4f})" if math.isfinite(low) else ""
            cells.append(f"{means[name]:>{width}.4f}{ends:<20}")
        lines.append("".join(cells).rstrip())
    return "\n".join(lines)
