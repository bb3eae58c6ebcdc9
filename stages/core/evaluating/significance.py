"""Whether one candidate is better than another or only looks so: paired tests on the same images, corrected.

All tests are two-sided. With one seed each, hits are compared by McNemar's exact test; every other measure by a
randomization test, which swaps the two answers to an image at random. With several seeds, the seeds must say so too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.core.evaluating.metrics import ratio

RESAMPLES = 9_999  # the smallest p-value is 1 / (RESAMPLES + 1)
CELLS = 4_000_000  # of random swaps that are in memory at once
LOWER_IS_BETTER = {"log_loss"}
MEASURES = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss")


@dataclass(frozen=True)
class Answers:
    """What a candidate answered on the images of one split, a row a seed.

    truth: int64 [N]; predicted: int64 [S, N]; losses: float64 [S, N], minus the log of the true class's probability.
    """

    truth: np.ndarray
    predicted: np.ndarray
    losses: np.ndarray
    n_classes: int

    @property
    def n_seeds(self) -> int:
        """Number of trainings."""
        return len(self.predicted)

    def alone(self, seed: int) -> "Answers":
        """Return the answers of one training, by its place in the list of seeds."""
        return Answers(self.truth, self.predicted[seed : seed + 1], self.losses[seed : seed + 1], self.n_classes)


@dataclass(frozen=True)
class Comparison:
    """How much better A is than B, and how probable as much is by chance.

    gain: positive where A is better; p_images: from images; p_seeds: from seeds, None unless both have several.
    """

    gain: float
    p_images: float
    p_seeds: float | None

    @property
    def p(self) -> float:
        """Return the larger of both: a claim must hold over images and over seeds."""
        return max(self.p_images, self.p_seeds or 0.0)


def compare(a: Answers, b: Answers, measure: str, seed: int) -> Comparison:
    """Compare two candidates on the same images. `seed` is of the random swaps."""
    by_seed = [scores(answers, measure) for answers in (a, b)]
    gain = float(by_seed[0].mean() - by_seed[1].mean())
    if measure == "accuracy" and a.n_seeds == b.n_seeds == 1:
        p = mcnemar(*discordant(a, b))
    else:
        p = randomization(a, b, measure, np.random.default_rng(seed))
    several = a.n_seeds > 1 and b.n_seeds > 1
    return Comparison(gain, p, welch(*by_seed) if several else None)


def discordant(a: Answers, b: Answers) -> tuple[int, int]:
    """Images that only A, and only B, got right in its first training."""
    hit = [answers.predicted[0] == answers.truth for answers in (a, b)]
    return int((hit[0] & ~hit[1]).sum()), int((hit[1] & ~hit[0]).sum())


def mcnemar(only_a: int, only_b: int) -> float:
    """Two-sided p-value of McNemar's exact test (McNemar 1947) on the images that only one got right.

    In whole numbers: importing scipy.stats for it takes longer than all else that a report computes.
    """
    n, term, tail = only_a + only_b, 1, 1
    for i in range(min(only_a, only_b)):
        term = term * (n - i) // (i + 1)
        tail += term
    return min(1.0, 2 * tail / 2**n)


def fisher_exact(first: tuple[int, int], second: tuple[int, int]) -> float:
    """Two-sided p-value of Fisher's exact test (Fisher 1922) of two groups, each given as (hits, misses).

    The probability of all tables with these margins that are no more probable than the one seen, in whole numbers.
    """
    n_first, n_second, misses = sum(first), sum(second), first[1] + second[1]
    lowest, highest = max(0, misses - n_second), min(misses, n_first)
    term = math.comb(n_first, lowest) * math.comb(n_second, misses - lowest)
    terms = [term]
    for x in range(lowest, highest):
        term = term * (n_first - x) * (misses - x) // ((x + 1) * (n_second - misses + x + 1))
        terms.append(term)
    seen = terms[first[1] - lowest]
    return sum(each for each in terms if each <= seen) / sum(terms)


def welch(a: np.ndarray, b: np.ndarray) -> float:
    """Two-sided p-value of Welch's t-test (Welch 1947) between the scores of several seeds each, float64 [S]."""
    from scipy.stats import t

    if np.ptp(a) == np.ptp(b) == 0:  # trainings without chance
        return float(a[0] == b[0])
    errors = [float(values.var(ddof=1)) / len(values) for values in (a, b)]
    freedom = sum(errors) ** 2 / sum(e**2 / (len(v) - 1) for e, v in zip(errors, (a, b), strict=True))
    return float(2 * t.sf(abs(a.mean() - b.mean()) / np.sqrt(sum(errors)), freedom))


def scores(answers: Answers, measure: str) -> np.ndarray:
    """Score of each training, float64 [S], the higher the better."""
    every = [answers.alone(index) for index in range(answers.n_seeds)]
    return np.array([score(parts(one, measure).sum(axis=0), one.truth, measure) for one in every])


def parts(answers: Answers, measure: str) -> np.ndarray:
    """What each image adds to a measure, averaged over seeds: float64 [N, C]; `score` takes their sum."""
    truth, n_images = answers.truth, len(answers.truth)
    hit = (answers.predicted == truth).mean(axis=0)
    if measure == "accuracy":
        return hit[:, None] / n_images
    if measure == "log_loss":
        return answers.losses.mean(axis=0)[:, None] / n_images
    support = np.bincount(truth)
    if measure == "balanced_accuracy":
        return (hit / (support[truth] * (support > 0).sum()))[:, None]
    named = np.stack([(answers.predicted == k).mean(axis=0) for k in range(answers.n_classes)], axis=1)
    return np.concatenate([named * (truth[:, None] == np.arange(answers.n_classes)), named], axis=1)


def score(sums: np.ndarray, truth: np.ndarray, measure: str) -> np.ndarray:
    """Make a measure of sums of `parts`, float64 [..., C] -> [...], the higher the better."""
    if measure != "macro_f1":
        return -sums[..., 0] if measure in LOWER_IS_BETTER else sums[..., 0]
    hits, named = np.split(sums, 2, axis=-1)
    support = np.bincount(truth, minlength=hits.shape[-1])
    f1 = ratio(2 * hits.ravel(), (named + support).ravel()).reshape(hits.shape)
    return np.asarray(f1[..., support > 0].mean(axis=-1))


def randomization(a: Answers, b: Answers, measure: str, rng: np.random.Generator) -> float:
    """Two-sided p-value of a paired randomization test (Fisher 1935; Yeh 2000 for F1).

    If both were equally good, either could have given either answer: how often is the difference as large when the
    answers to each image are swapped at random?
    """
    left, right = parts(a, measure), parts(b, measure)
    sums, change = (left.sum(axis=0), right.sum(axis=0)), right - left
    change = change[np.any(change != 0, axis=1)]
    observed = abs(float(score(sums[0], a.truth, measure) - score(sums[1], a.truth, measure)))
    n_as_large, left_to_draw = 0, RESAMPLES
    while left_to_draw:
        n = min(left_to_draw, max(1, CELLS // max(len(change), 1)))
        moved = rng.integers(0, 2, (n, len(change)), np.uint8).astype(float) @ change
        gaps = score(sums[0] + moved, a.truth, measure) - score(sums[1] - moved, a.truth, measure)
        n_as_large += int((abs(gaps) >= observed - 1e-12).sum())
        left_to_draw -= n
    return (1 + n_as_large) / (1 + RESAMPLES)


def holm(p_values: Sequence[float], n_tests: int) -> list[float]:
    """Adjust p-values of some of `n_tests` tests, in their order (Holm 1979); those not given count as 1.

    At any of them that is at most x, the probability of a single false claim among all tests is at most x.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, highest = [1.0] * len(p_values), 0.0
    for place, index in enumerate(order):
        highest = max(highest, min(1.0, (n_tests - place) * p_values[index]))
        adjusted[index] = highest
    return adjusted


def mean_interval(values: np.ndarray, confidence: float) -> tuple[float, float]:
    """Student's t-interval of a mean (Student 1908). values: float64 [S], S >= 2."""
    from scipy.stats import t

    half = float(t.ppf((1 + confidence) / 2, len(values) - 1)) * float(values.std(ddof=1)) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)
