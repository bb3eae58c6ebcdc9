"""What a check looks at, and the promises that it makes of it."""

from collections.abc import Callable, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stages.core.gate.findings import Severity
from stages.core.gate.measuring import Thumbnails
from stages.core.gate.near_duplicates import Pairs

Explain = Callable[[pd.DataFrame, Any], str]
Measured = dict[str, pd.Series | float]
HELD_OUT = {"train": 0, "val": 1, "test": 2}  # how far from training an image of a split must be kept


@dataclass(frozen=True)
class Subject:
    """What checks look at.

    images: the rows that are not in quarantine, as `manifest.compact` gives them, with `usable` (readable and
    labelled), split, group and near; their index is the number of the row in the source. thumbnails: uint8
    [N, SIDE, SIDE, 3] of all rows of the source. pairs: near copies, as numbers of rows of the source.
    """

    images: pd.DataFrame
    thumbnails: Thumbnails | np.ndarray
    pairs: Pairs

    @property
    def usable(self) -> pd.DataFrame:
        """Images that can be trained on or measured with."""
        usable = self.images["usable"]
        return self.images if usable.all() else self.images[usable]


@dataclass(frozen=True)
class Promise:
    """One promise of the data: in words, what of a check's measures it bounds, and how to say that it isn't so.

    `measure` names a column of numbers, one an image, or a number of the whole set; every value must lie between
    minimum and maximum, or be `among` some. `explain(bad, observed)` gets the rows that break it (all of them for a
    number of the set) with the columns of this check, and the number of such rows or the number of the set; it
    returns a sentence with numbers. `worst` names the column by which examples are ordered, highest first.
    A judgement by likeness that names more than `max_named_share` of the set can't tell; nothing is left out for it.
    """

    text: str
    measure: str
    severity: Severity
    explain: Explain
    minimum: float | None = None
    maximum: float | None = None
    among: tuple[str, ...] | None = None
    worst: str | None = None
    caption: str | None = None
    max_named_share: float | None = None

    @property
    def limit(self) -> Any:
        """The bound, for people."""
        return self.among or (self.maximum if self.minimum is None else self.minimum)

    @property
    def bound(self) -> str:
        """The bound in words: `at most 8,192`."""
        if self.among is not None:
            return f"one of {', '.join(self.among)}"
        ends = {"at least": self.minimum, "at most": self.maximum}
        return " and ".join(f"{words} {end:,.4g}" for words, end in ends.items() if end is not None)


def in_one_unit(promise: Promise, observed: float, of_images: bool) -> tuple[str, str]:
    """Observed value and limit for people, both as images that break the promise or both as a number of the set."""
    if not of_images:
        return f"{observed:,.4g}", promise.bound
    is_flag = promise.among is None and (promise.minimum, promise.maximum) == (None, 0)  # 1 where something is wrong
    return number_of_images(int(observed)), "0 images" if is_flag else f"0 images; each {promise.bound}"


def number_of_images(n: int) -> str:
    """'1 image', '1,234 images'."""
    return f"{n:,} image{'s' * (n != 1)}"


def number(items: Sized, what: str = "image") -> str:
    """'1 image is', '1,234 images are': how many, with noun and verb in their number."""
    several = {"entry": "entries", "is": "are", "has": "have", "stands": "stand", "": ""}
    noun, _, verb = what.partition(" ")
    many = len(items) != 1
    words = [several.get(noun, f"{noun}s"), several[verb]] if many else [noun, verb]
    return " ".join([f"{len(items):,}", *filter(None, words)])


def broken_rows(promise: Promise, values: pd.Series) -> pd.Series:
    """Which values break a promise, bool; a missing value breaks none."""
    values = comparable(values)
    if promise.among is not None:
        return ~values.isin(promise.among) & values.notna()
    low = values < promise.minimum if promise.minimum is not None else False
    high = values > promise.maximum if promise.maximum is not None else False
    return (low | high) & values.notna()


def comparable(values: pd.Series) -> pd.Series:
    """Values as they are compared with a limit: what is stored as float32 stands for its decimals.

    Great Expectations compares in float64, where the float32 nearest to 0.35 lies below a limit of 0.35.
    """
    return values.astype("float64").round(4) if values.dtype == "float32" else values
