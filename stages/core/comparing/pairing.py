"""The images that both candidates judged, in one order and with one list of classes, and how they were recognised."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from stages.core.comparing.sides import Judgement
from stages.core.errors import UserError
from stages.core.evaluating.significance import Answers

ONE_MANIFEST, BY_PIXELS, BY_PATH = (
    "paths in one manifest",
    "the hashes of their pixels",
    "their paths and classes alone",
)


@dataclass(frozen=True)
class Recognition:
    """How an image of A is recognised in B: in words, and hashes by path of each side; None where paths must do."""

    known_by: str
    hashes: tuple[pd.Series, pd.Series] | None = None


@dataclass(frozen=True)
class Pair:
    """Both sides on the images that they have in common.

    paths: of A and of B, which may call one image differently; a, b: their answers, ids of `classes`; probabilities of
    both first trainings float64 [N, K], None unless both kept them. known_by: how images were recognised;
    only_a, only_b: images left out, of one side alone; relabelled: left out, as the sides call them different classes.
    """

    split: str
    classes: list[str]
    paths: tuple[list[str], list[str]]
    a: Answers
    b: Answers
    probabilities: tuple[np.ndarray, np.ndarray] | None
    known_by: str
    only_a: int = 0
    only_b: int = 0
    relabelled: int = 0

    @property
    def same_images(self) -> bool:
        """Whether both judged just these images, and call them the same."""
        return not (self.only_a or self.only_b or self.relabelled)


def paired(a: Judgement, b: Judgement, split: str, recognition: Recognition) -> Pair:
    """Bring two judgements together. Raises UserError when they have no image of one class in common."""
    hashes = recognition.hashes or (None, None)
    left, right = identities(a.paths, hashes[0]), identities(b.paths, hashes[1])
    place_a, place_b = common(left, right)
    if not len(place_a):
        raise UserError(f"A and B have no {split} image in common, so nothing can be compared")
    agreed = np.array([a.labels[i] == b.labels[j] for i, j in zip(place_a, place_b, strict=True)])
    if not agreed.any():
        raise UserError(f"A and B call every {split} image that they have in common another class: nothing is compared")
    rows_a, rows_b = place_a[agreed], place_b[agreed]
    classes = sorted({*a.classes, *b.classes})
    both = a.probabilities is not None and b.probabilities is not None
    return Pair(
        split=split,
        classes=classes,
        paths=([a.paths[i] for i in rows_a], [b.paths[j] for j in rows_b]),
        a=answers_to(a, rows_a, classes),
        b=answers_to(b, rows_b, classes),
        probabilities=(probabilities_of(a, rows_a, classes), probabilities_of(b, rows_b, classes)) if both else None,
        known_by=recognition.known_by,
        only_a=len(left) - len(place_a),
        only_b=len(right) - len(place_b),
        relabelled=int((~agreed).sum()),
    )


def identities(paths: list[str], hashes: pd.Series | None) -> list[tuple[str, int]]:
    """What tells each image from all others: its hash, or its path, and the how-manieth copy it is."""
    names = pd.Series(paths if hashes is None else hashes.reindex(paths).to_numpy(), dtype=object)
    names = names.where(names.notna(), pd.Series(paths, dtype=object))
    return list(zip(names, names.groupby(names).cumcount(), strict=True))


def common(left: list[tuple[str, int]], right: list[tuple[str, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Places int64 [N] in both lists of what stands in both, in the order of the first."""
    places = {found: place for place, found in enumerate(right)}
    both = [(i, places[found]) for i, found in enumerate(left) if found in places]
    table = np.array(both, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def answers_to(one: Judgement, rows: np.ndarray, classes: list[str]) -> Answers:
    """Answers to some images, with the ids of a common list of classes."""
    ids = np.array([classes.index(name) for name in one.classes])
    found = one.answers
    return Answers(ids[found.truth[rows]], ids[found.predicted[:, rows]], found.losses[:, rows], len(classes))


def probabilities_of(one: Judgement, rows: np.ndarray, classes: list[str]) -> np.ndarray:
    """Probabilities float64 [N, K] of a common list of classes: 0 for those that the model doesn't know."""
    found = np.zeros((len(rows), len(classes)))
    if one.probabilities is not None:
        found[:, [classes.index(name) for name in one.classes]] = one.probabilities[rows]
    return found


def refused(pair: Pair) -> UserError:
    """The error of test images that are not the same."""
    n = len(pair.paths[0])
    relabelled = f", and {pair.relabelled:,} have another class in B" if pair.relabelled else ""
    return UserError(
        f"A and B were not measured on the same {pair.split} images: {n:,} in common (by {pair.known_by}), "
        f"{pair.only_a:,} are A's alone and {pair.only_b:,} B's alone{relabelled}; --intersection takes the common ones"
    )
