"""Parts of a split measured on their own: is it worse on small, dark or blurred images, or on those of one source?"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pandas as pd

from stages.core.evaluating.intervals import proportion
from stages.core.evaluating.significance import fisher_exact, holm
from stages.core.settings.evaluate_options import Evaluate, Slices

NUMBERS = ("pixels", "aspect", "n_bytes", "brightness", "contrast", "crispness")
TEXTS = ("format", "mode", "flags", "group", "folder")
READ = ["path", "label", "split", "sha256", "width", "height", "n_bytes", "brightness", "contrast", "crispness"]
READ += ["format", "mode", "flags", "group"]
COLUMNS = ["column", "slice", "n", "accuracy", "low", "high", "p_value"]
Part = tuple[str, str, np.ndarray]  # column, slice, which images bool [N]


def sliced(hit: np.ndarray, facts: pd.DataFrame, options: Evaluate) -> pd.DataFrame:
    """A row a slice: column, slice, n, accuracy with Wilson's interval, and a p-value.

    hit: bool [N]; facts: N rows of the manifest. p_value: Fisher's exact test of the slice against all other images,
    corrected after Holm for all slices, as some of many slices always look bad.
    """
    parts = [part for part in all_parts(facts, options.slices) if options.slices.min_images <= part[2].sum() < len(hit)]
    rows, p = [], []
    for column, name, inside in parts:
        n, n_hits = int(inside.sum()), int(hit[inside].sum())
        others = (int(hit.sum()) - n_hits, len(hit) - n)
        p.append(fisher_exact((n_hits, n - n_hits), (others[0], others[1] - others[0])))
        rows.append([column, name, n, n_hits / n, *proportion(n_hits, n, options.confidence)])
    corrected = holm(p, len(p))
    return pd.DataFrame([[*row, one] for row, one in zip(rows, corrected, strict=True)], columns=COLUMNS)


def all_parts(facts: pd.DataFrame, options: Slices) -> Iterator[Part]:
    """Yield every slice by each column."""
    known = facts.assign(pixels=facts["width"] * facts["height"], aspect=facts["width"] / facts["height"])
    known["folder"] = folders(facts)
    for column in NUMBERS:
        yield from by_number(column, pd.to_numeric(known[column]).to_numpy(np.float64), options.bins)
    for column in TEXTS:
        yield from by_text(column, known[column], options.most)


def by_number(column: str, values: np.ndarray, bins: int) -> Iterator[Part]:
    """Yield parts of about equal numbers of images from low to high; equal values are never divided."""
    known = values[np.isfinite(values)]
    if not len(known):
        return
    ends = np.unique(np.quantile(known, np.arange(1, bins + 1) / bins, method="lower"))
    for low, high in pairwise([-np.inf, *ends]):
        inside = (values > low) & (values <= high)
        yield column, f"{values[inside].min():.6g} to {high:.6g}", inside


def by_text(column: str, values: pd.Series, most: int) -> Iterator[Part]:
    """Yield a part for each of the most frequent texts, if there are several."""
    frequent = values[values.notna()].value_counts()
    named = sorted(frequent.index, key=lambda text: (-frequent[text], text))[:most]
    for text in named if len(frequent) > 1 else []:
        yield column, str(text) or "none", (values == text).to_numpy(bool)


def folders(facts: pd.DataFrame) -> pd.Series:
    """The folder that an image lies in; none where there is just one folder a class."""
    folder = facts["path"].str.rpartition("/")[0]
    pairs = pd.DataFrame({"folder": folder, "label": facts["label"]}).drop_duplicates()
    return (
        folder if len(pairs) > pairs["label"].nunique() or pairs["label"].nunique() > folder.nunique() else folder[:0]
    )
