"""Images on which two candidates disagree, and how their confusion matrices differ: of the first training of each."""

import numpy as np
import pandas as pd

from stages.core.comparing.pairing import Pair
from stages.core.evaluating.significance import Answers

GAINED, LOST, OTHER = "B right, A wrong", "A right, B wrong", "both wrong, another way"
KINDS = (LOST, GAINED, OTHER)
COLUMNS = ["kind", "path", "path_a", "true", "a", "b", "a_confidence", "b_confidence"]


def flips(pair: Pair) -> pd.DataFrame:
    """A row for each image with two answers: kind, path in B and A, class, both answers and their confidence.

    Lost ones first; of a kind, those first of which the one that is wrong is surest. Confidence is missing where
    probabilities were not kept.
    """
    a, b, truth = pair.a.predicted[0], pair.b.predicted[0], pair.a.truth
    rows = np.flatnonzero(a != b)
    kind = np.select([b[rows] == truth[rows], a[rows] == truth[rows]], [GAINED, LOST], OTHER)
    names = np.array(pair.classes, dtype=object)
    confidence = [one.max(axis=1)[rows] for one in pair.probabilities or []] or [np.full(len(rows), np.nan)] * 2
    paths = [np.array(one, dtype=object)[rows] for one in pair.paths]
    table = pd.DataFrame(
        dict(
            zip(
                COLUMNS,
                (kind, paths[1], paths[0], *(names[one[rows]] for one in (truth, a, b)), *confidence),
                strict=True,
            )
        )
    )
    wrong = np.where(kind == GAINED, table["a_confidence"], table["b_confidence"])
    order = table.assign(place=[KINDS.index(one) for one in kind], sure=-wrong)
    return order.sort_values(["place", "sure", "path"], kind="stable")[COLUMNS].reset_index(drop=True)


def matrix(answers: Answers) -> np.ndarray:
    """Images int64 [K, K] by true class (row) and the first training's answer (column)."""
    k = answers.n_classes
    return np.bincount(answers.truth * k + answers.predicted[0], minlength=k * k).reshape(k, k)


def difference_matrix(pair: Pair) -> np.ndarray:
    """Images int64 [K, K] that B puts into a cell more than A; below 0: fewer. A row sums to 0."""
    return matrix(pair.b) - matrix(pair.a)


def changed_cells(pair: Pair, most: int) -> pd.DataFrame:
    """The mistakes whose number changed most: true class, predicted class, images of A and of B; worst for B first."""
    counts = [matrix(side) for side in (pair.a, pair.b)]
    change = counts[1] - counts[0]
    np.fill_diagonal(change, 0)
    cells = np.argwhere(change != 0)
    cells = cells[np.argsort(-abs(change[tuple(cells.T)]), kind="stable")][:most]
    rows = [(pair.classes[i], pair.classes[j], int(counts[0][i, j]), int(counts[1][i, j])) for i, j in cells]
    return pd.DataFrame(rows, columns=["true", "predicted", "a", "b"])
