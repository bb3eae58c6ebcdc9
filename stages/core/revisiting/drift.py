"""Whether new images are still like those that a model was made from.

Rabanser et al. 2019, Failing Loudly, compared ways to see a shift: univariate Kolmogorov-Smirnov tests on the outputs
of the trained classifier (BBSDs, Lipton et al. 2018), corrected after Bonferroni, were best overall. Those are here,
with the same tests on how images look, and two on the model's features: a classifier that tells old from new
(Lopez-Paz & Oquab 2017), and the distance to the nearest known images (Sun et al. 2022, Deep nearest neighbors).

Significance alone calls any shift drift once images are many, distance alone calls chance drift while they are few:
drift is both.
"""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from stages.core.settings.drift_options import Drift
from stages.core.training.reference import Sample, evenly

NEIGHBOURS = 10
N_UNUSUAL = 12
DRAWS = 9_999  # of the permutation test: p is at least 1 / 10,000
DECIMALS = 6  # of a probability: another batch size or processor changes the seventh
MOST_OLD = 5_000  # validation predictions that are compared
SHARES = "class shares"
Pair = tuple[str, str, np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Comparison:
    """One measure of old and new images: float [N] and [M] of any order; of SHARES the predicted class ids.

    distance: 0 for the same distribution, 1 for nothing in common. p: how often chance alone gives as much. `limit` and
    `level` are what both are held against; `enough` is whether so many new images may be judged.
    """

    group: str
    measure: str
    old: np.ndarray
    new: np.ndarray
    distance: float
    p: float
    limit: float
    level: float
    enough: bool

    @property
    def drifted(self) -> bool:
        """Far apart, and not by chance."""
        return self.enough and self.distance > self.limit and self.p < self.level

    @property
    def verdict(self) -> str:
        """In a word or four."""
        if self.drifted:
            return "drift"
        return "same" if self.enough and self.distance <= self.limit else "too few to tell"


def compare(old: Sample, new: Sample, classes: list[str], options: Drift) -> list[Comparison]:
    """Compare two samples by every measure, the worst first.

    The level is shared equally between the four groups of measures, and within a group between its measures: a model of
    a thousand classes doesn't blunt the test of brightness (Bonferroni, weighted).
    """
    found = list(pairs(old, new, classes))
    groups = [group for group, *_ in found]
    enough = len(new.probabilities) >= options.min_images
    done = []
    for group, measure, before, after in found:
        far = total_variation(before, after, len(classes)) if measure == SHARES else kolmogorov_smirnov(before, after)
        limit, level = getattr(options.max_distance, group), options.level / len(set(groups)) / groups.count(group)
        done.append(Comparison(group, measure, before, after, *far, limit, level, enough))
    return sorted(done, key=lambda one: (one.drifted, one.distance - one.limit), reverse=True)


def pairs(old: Sample, new: Sample, classes: list[str]) -> Iterator[Pair]:
    """Yield (group, measure, old values, new values) of everything that is compared."""
    for name, values in old.looks.items():
        yield "looks", name, values, new.looks[name]
    if len(old.features) > 3 and len(new.features) > 3:
        yield "features", "features, told apart", *told_apart(old.features, new.features)
        known, others = old.features[::2], old.features[1::2]  # measured among themselves they would seem too near
        yield "features", "features, distance", strangeness(known, others), strangeness(known, new.features)
    before, after = (sample.probabilities.round(DECIMALS) for sample in (old, new))
    few = before[evenly(len(before), MOST_OLD)]
    yield "predictions", "confidence", few.max(axis=1), after.max(axis=1)
    for index, name in enumerate(classes):
        yield "predictions", f"probability of {name}", few[:, index], after[:, index]
    yield "class_shares", SHARES, before.argmax(axis=1), after.argmax(axis=1)


def kolmogorov_smirnov(old: np.ndarray, new: np.ndarray) -> tuple[float, float]:
    """Largest difference between two cumulative distributions, in [0, 1], and its p-value; conservative with ties."""
    from scipy.stats import ks_2samp

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the exact p can't be had for these sizes, the asymptotic is
        found = ks_2samp(old, new, method="auto")
    return float(found.statistic), float(found.pvalue)


def total_variation(old: np.ndarray, new: np.ndarray, n_classes: int) -> tuple[float, float]:
    """Half the summed differences between the shares of classes, in [0, 1], and its p-value by permutation.

    old, new: class ids, int [N] and [M]. Exact for rare classes too, where chi-squared is not.
    """
    before, after = np.bincount(old, minlength=n_classes), np.bincount(new, minlength=n_classes)
    draw = np.random.default_rng(1).multivariate_hypergeometric
    counts = draw(before + after, len(new), size=DRAWS, method="marginals")
    chance = np.abs(counts / len(new) - (before + after - counts) / len(old)).sum(axis=1) / 2
    distance = float(np.abs(after / len(new) - before / len(old)).sum() / 2)
    return distance, float((1 + (chance >= distance - 1e-12).sum()) / (1 + DRAWS))


def told_apart(old: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores of a linear classifier that learned to tell old from new on every second image, of the others.

    old, new: features [N, D] and [M, D]. Fisher's discriminant with the covariance of Ledoit & Wolf 2004, as there may
    be fewer images than dimensions. What it learns by chance doesn't carry over to the half that it scores.
    """
    from sklearn.covariance import ledoit_wolf

    old, new = old.astype(np.float64), new.astype(np.float64)
    means = [half.mean(axis=0) for half in (old[::2], new[::2])]
    within = np.concatenate([old[::2] - means[0], new[::2] - means[1]])
    direction = np.linalg.pinv(ledoit_wolf(within, assume_centered=True)[0], hermitian=True) @ (means[1] - means[0])
    return old[1::2] @ direction, new[1::2] @ direction


def strangeness(known: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Distance of features [M, D] to their NEIGHBOURS-th nearest among the known [N, D], each of length 1: float64 [M].

    After Sun et al. 2022.
    """
    distance = np.sqrt(np.maximum(2 - 2 * directions(new) @ directions(known).T, 0))
    nth = min(NEIGHBOURS, len(known)) - 1
    return np.partition(distance, nth, axis=1)[:, nth]


def unusual(reference: Sample, new: Sample, names: list[str], classes: list[str]) -> list[dict[str, Any]]:
    """The new images furthest from what the model knows, the furthest first."""
    distance, said = strangeness(reference.features, new.features), new.probabilities
    return [
        {
            "name": names[place],
            "distance": float(distance[place]),
            "label": classes[said[place].argmax()],
            "confidence": float(said[place].max()),
        }
        for place in (-distance).argsort(kind="stable")[:N_UNUSUAL]
    ]


def directions(features: np.ndarray) -> np.ndarray:
    """Features [N, D] at length 1, float64; zeros stay zeros."""
    wide = features.astype(np.float64)
    return wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)
