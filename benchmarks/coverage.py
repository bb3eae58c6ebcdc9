"""How often the intervals of an evaluation hold the truth: `python benchmarks/coverage.py` prints a Markdown table.

Models whose every measure is known answer images drawn anew; each interval is made as `evaluate` makes it, and holds
the true value or does not. An interval at 95 % should hold it in 95 of 100 draws; those that are known to be short of
it, because too few images stand behind them, are shown too, marked as what `evaluate` leaves out.
`--draws 40` is quick, and coarse.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.stats import binom

from stages.core.comparing.measuring import MIRRORED, bootstrap, outcomes_of, proportions
from stages.core.comparing.measuring import measures as measures_of
from stages.core.comparing.pairing import Pair
from stages.core.evaluating.intervals import difference, f1_interval, mean_of_proportions, measured, variance_of_hits
from stages.core.evaluating.log_loss import losses
from stages.core.evaluating.metrics import Outcomes, confusion_matrix, measures, prepared, wilson
from stages.core.evaluating.selection import threshold_of
from stages.core.evaluating.significance import Answers, compare, discordant, mcnemar, mean_interval
from stages.core.layout import PROJECT
from stages.core.settings.evaluate_options import Evaluate
from stages.core.settings.params import load

LEVEL, MANY = 0.95, 400_000  # images that stand for all there are
HOW = {"macro_f1": "bootstrap", "macro_precision": "bootstrap", "log_loss": "normal of its log"}
TOLD = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "roc_auc", "ece")
ALIKE, RESAMPLES = 0.5, 300  # correlation of two models' noise; resamples of a comparison, to be done in minutes
HOW |= {"roc_auc": "DeLong of its logit", "ece": "bootstrap, mirrored"}


@dataclass(frozen=True)
class Row:
    """One line of the table: what, on which images, how often it held, and how many draws that rests on (0: exact)."""

    what: str
    where: str
    coverage: float
    draws: int
    note: str = ""

    def text(self) -> str:
        """The line in Markdown."""
        error = f" ± {196 * (self.coverage * (1 - self.coverage) / self.draws) ** 0.5:.1f}" if self.draws else ""
        return f"| {self.what} | {self.where} | {100 * self.coverage:.1f} %{error} | {self.note} |"


def answered(rng: np.random.Generator, n: int, classes: int, signal: float, sureness: float = 1.0) -> Outcomes:
    """A model whose probabilities are the true ones at a sureness of 1, and too sure above."""
    truth = rng.integers(0, classes, n)
    powers = np.exp(sureness * signal * (rng.normal(size=(n, classes)) + signal * np.eye(classes)[truth]))
    return prepared(truth, powers / powers.sum(axis=1, keepdims=True))


@cache
def stated() -> Evaluate:
    """What params.yaml says, read once."""
    return load(PROJECT / "params.yaml").tree.evaluate.model_copy(update={"confidence": LEVEL})


def options(**changes: object) -> Evaluate:
    """The same with some of it changed."""
    return stated().model_copy(update=changes)


def shares() -> Iterator[Row]:
    """Wilson's interval of an accuracy: exact, by adding up the binomial."""
    for n in (20, 100, 300, 2000):
        for p in (0.7, 0.95, 0.99):
            hits = np.arange(n + 1)
            held = [low <= p <= high for low, high in (wilson(float(k), n, LEVEL) for k in hits)]
            yield Row("accuracy: Wilson", f"{n} images, p = {p}", float(binom.pmf(hits, n, p)[held].sum()), 0)


def sampled(what: str, where: str, draws: int, holds: Callable[[np.random.Generator], bool]) -> Row:
    """Count how often something holds."""
    rng = np.random.default_rng(1)
    return Row(what, where, sum(holds(rng) for _ in range(draws)) / draws, draws)


def means(draws: int) -> Iterator[Row]:
    """Balanced accuracy: Price & Bonett, against the percentiles of resampled classes."""
    for n, p in ((5, 0.9), (10, 0.95), (36, 0.995), (100, 0.9)):
        support, truth = np.full(10, n), np.clip(np.linspace(2 * p - 1, 1, 10), 0, 1)

        def holds(rng: np.random.Generator, support: np.ndarray = support, truth: np.ndarray = truth) -> bool:
            low, high = mean_of_proportions(rng.binomial(support, truth), support, LEVEL)
            return low <= truth.mean() <= high

        def resampled(rng: np.random.Generator, support: np.ndarray = support, truth: np.ndarray = truth) -> bool:
            shown = rng.binomial(support, truth) / support
            low, high = np.quantile((rng.binomial(support, shown, (400, 10)) / support).mean(axis=1), [0.025, 0.975])
            return bool(low <= truth.mean() <= high)

        where = f"10 classes of {n}, mean recall {truth.mean():.3f}"
        yield sampled("balanced accuracy: Price & Bonett", where, 10 * draws, holds)
        yield note(sampled("balanced accuracy: bootstrap", where, draws, resampled), "not used")


def note(row: Row, text: str) -> Row:
    """The same line with a note."""
    return Row(row.what, row.where, row.coverage, row.draws, text)


def differences(draws: int) -> Iterator[Row]:
    """Gap between two splits: Newcombe."""
    for n, m, p in ((270, 359, 0.98), (100, 100, 0.95), (50, 1000, 0.8)):

        def holds(rng: np.random.Generator, n: int = n, m: int = m, p: float = p) -> bool:
            low, high = difference((rng.binomial(n, p) / n, n), (rng.binomial(m, p) / m, m), LEVEL)
            return low <= 0 <= high

        yield sampled("gap of two accuracies: Newcombe", f"{n} and {m} images, p = {p}", 10 * draws, holds)


def of_a_class(draws: int) -> Iterator[Row]:
    """Precision and F1 of one of four classes."""
    for n, signal in ((40, 2.0), (200, 1.5), (200, 3.0), (1000, 2.0)):
        whole = confusion_matrix(answered(np.random.default_rng(2), MANY, 4, signal))
        true = 2 * whole[0, 0] / (whole[0].sum() + whole[:, 0].sum()), whole[0, 0] / whole[:, 0].sum()

        def holds(rng: np.random.Generator, n: int = n, signal: float = signal, true: float = true[0]) -> bool:
            matrix = confusion_matrix(answered(rng, n, 4, signal))
            low, high = f1_interval(matrix[0, 0], matrix[0].sum() + matrix[:, 0].sum() - matrix[0, 0], LEVEL)
            return low <= true <= high

        def precision(rng: np.random.Generator, n: int = n, signal: float = signal, true: float = true[1]) -> bool:
            matrix = confusion_matrix(answered(rng, n, 4, signal))
            low, high = wilson(matrix[0, 0], matrix[:, 0].sum(), LEVEL) if matrix[:, 0].sum() else (0, 1)
            return low <= true <= high

        where = f"{n} images, 4 classes, "
        yield sampled("F1 of a class: Wilson of hits", f"{where}F1 = {true[0]:.3f}", 3 * draws, holds)
        yield sampled("precision of a class: Wilson", f"{where}p = {true[1]:.3f}", 3 * draws, precision)


def others(draws: int) -> Iterator[Row]:
    """What is no share, on both sides of the limit from which `evaluate` gives an interval."""
    limit = options().bootstrap_from
    for n, signal, sureness in (
        (300, 3.5, 1.0),
        (300, 2.5, 1.0),
        (300, 1.5, 1.0),
        (300, 1.5, 2.0),
        (3000, 2.5, 1.0),
        (3000, 2.5, 2.0),
    ):
        whole = answered(np.random.default_rng(2), MANY, 4, signal, sureness)
        true = measures(whole, np.ones(MANY), options())
        rng, held = np.random.default_rng(1), dict.fromkeys(HOW, 0)
        for draw in range(draws):
            found = measured(answered(rng, n, 4, signal, sureness), options(bootstrap_from=0.0, seed=draw + 1))
            for name in HOW:
                held[name] += found.get(f"{name}_low", 0) <= true[name] <= found.get(f"{name}_high", 1)
        spread = variance_of_hits(true["accuracy"], n)
        sure = f", {sureness:g} x too sure" if sureness > 1 else ""
        where = f"{n} images, 4 classes, accuracy {true['accuracy']:.3f}{sure}: n p (1 - p) = {spread:.1f}"
        said = "" if spread >= limit else "left out by `evaluate`"
        yield from (Row(f"{name}: {HOW[name]}", where, n_held / draws, draws, said) for name, n_held in held.items())


def seeds(draws: int) -> Iterator[Row]:
    """Mean over seeds: Student's interval, of normal and of skewed scores."""
    for n in (3, 5):
        yield sampled(
            "mean over seeds: t", f"{n} seeds, normal", 10 * draws, lambda rng, n=n: inside(rng.normal(size=n), 0)
        )
        skewed = sampled(
            "mean over seeds: t",
            f"{n} seeds, skewed (exponential)",
            10 * draws,
            lambda rng, n=n: inside(rng.exponential(size=n), 1),
        )
        yield note(skewed, "known to be short")


def inside(values: np.ndarray, truth: float) -> bool:
    """Whether Student's interval holds the truth."""
    low, high = mean_interval(values, LEVEL)
    return low <= truth <= high


def thresholds(draws: int) -> Iterator[Row]:
    """How often the sure answers to new images are right as often as wanted, of the thresholds that were found."""
    for n, signal, wanted in ((300, 2.5, 0.95), (1000, 2.5, 0.98), (300, 2.0, 0.9)):
        chosen, rng, kept, found = options(wanted_precision=wanted), np.random.default_rng(1), 0, 0
        for _ in range(draws):
            threshold = threshold_of(answered(rng, n, 4, signal), chosen)
            if threshold is not None:
                new = answered(rng, 40_000, 4, signal)
                sure = new.probabilities.max(axis=1) >= threshold
                found, kept = found + 1, kept + bool((new.predicted == new.truth)[sure].mean() >= wanted)
        where = f"{n} images, wanted {wanted}, found in {found} of {draws} draws"
        yield Row(
            "threshold keeps its precision", where, (kept + draws - found) / draws, draws, f"{kept} of those {found}"
        )


def paired(rng: np.random.Generator, n: int, signal: float, lead: float) -> Pair:
    """Two models that find much the same images hard; B's signal is stronger by `lead`."""
    truth, common = rng.integers(0, 4, n), rng.normal(size=(n, 4))
    probabilities = []
    for own in (signal, signal + lead):
        noise = ALIKE**0.5 * common + (1 - ALIKE) ** 0.5 * rng.normal(size=(n, 4))
        powers = np.exp(own * (noise + own * np.eye(4)[truth]))
        probabilities.append(powers / powers.sum(axis=1, keepdims=True))
    sides = [Answers(truth, one.argmax(axis=1)[None], losses(one, truth)[None], 4) for one in probabilities]
    return Pair("test", list("abcd"), ([], []), *sides, (probabilities[0], probabilities[1]), "simulated")


def comparisons(draws: int) -> Iterator[Row]:
    """B - A of two models on the same images, as `compare` tells it: Newcombe's, and percentiles of resamples."""
    for n, signal, lead in ((300, 4.0, 0.3), (300, 3.5, 0.4), (300, 3.0, 0.4), (300, 2.5, 0.0), (1000, 2.0, 0.1)):
        whole = paired(np.random.default_rng(2), MANY, signal, lead)
        weight, chosen = np.ones(MANY), options(bootstrap=RESAMPLES)
        a, b = (measures_of(*side, weight, chosen) for side in zip((whole.a, whole.b), outcomes_of(whole), strict=True))
        true, held = {name: b[name] - a[name] for name in a}, dict.fromkeys(TOLD, 0)
        rng = np.random.default_rng(1)
        for draw in range(draws):
            pair, seeded = paired(rng, n, signal, lead), options(bootstrap=RESAMPLES, seed=draw + 1)
            found = bootstrap(pair, seeded) | proportions(pair, seeded)
            for name in TOLD:
                held[name] += found[name][0] <= true[name] <= found[name][1]
        apart = sum(discordant(whole.a, whole.b)) * n / MANY
        where = f"{n} images, accuracy {a['accuracy']:.3f} and {b['accuracy']:.3f}, {apart:.0f} told apart"
        for name in TOLD:
            how = "Newcombe" if name == "accuracy" else "bootstrap, mirrored" if name in MIRRORED else "bootstrap"
            yield Row(f"B - A in {name}: {how}", where, held[name] / draws, draws)


def false_alarms(draws: int) -> Iterator[Row]:
    """How often a paired test calls two models different that are not: at most 5 % is promised."""
    for n, share in ((300, 0.02), (300, 0.1), (3000, 0.05)):
        chance = 0.0
        for apart in range(int(binom.ppf(1e-9, n, share)), int(binom.isf(1e-9, n, share)) + 1):
            called = [mcnemar(k, apart - k) <= 1 - LEVEL for k in range(apart + 1)]
            chance += binom.pmf(apart, n, share) * binom.pmf(np.arange(apart + 1), apart, 0.5)[called].sum()
        where = f"{n} images, {100 * share:g} % told apart; the share of false alarms"
        yield Row("McNemar's exact test", where, float(chance), 0)
    for name in ("macro_f1", "log_loss"):

        def alarmed(rng: np.random.Generator, name: str = name) -> bool:
            pair = paired(rng, 300, 2.0, 0.0)
            return compare(pair.b, pair.a, name, 1).p <= 1 - LEVEL

        where = "300 images, two models of one kind; the share of false alarms"
        yield sampled(f"randomization test of {name}", where, draws, alarmed)


PARTS: dict[str, Callable[[int], Iterator[Row]]] = {
    "shares": lambda _: shares(),
    "means": means,
    "differences": differences,
    "classes": of_a_class,
    "others": others,
    "seeds": seeds,
    "thresholds": thresholds,
    "comparisons": comparisons,
    "false_alarms": false_alarms,
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these: {', '.join(PARTS)}")
    parser.add_argument("--draws", type=int, default=1000)
    parsed = parser.parse_args()
    stated()
    print("| interval at 95 % | of | holds the truth in | note |\n|---|---|---|---|")
    for name in parsed.parts or PARTS:
        for row in PARTS[name](parsed.draws):
            print(row.text(), flush=True)


if __name__ == "__main__":
    main()
