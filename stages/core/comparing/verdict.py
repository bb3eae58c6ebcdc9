"""The verdict: is B better than A, worse, or can't that be told; and what it rests on."""

from dataclasses import dataclass

from stages.core.comparing.measuring import LESS_IS_BETTER, Difference
from stages.core.comparing.pairing import Pair
from stages.core.evaluating.significance import discordant
from stages.core.reporting.choosing import p_words
from stages.core.settings.report_options import Champion

BETTER, WORSE, SAME = "better", "worse", "no difference"


@dataclass(frozen=True)
class Verdict:
    """outcome: of B against A; sentence: said first; grounds: what it rests on, sentences."""

    outcome: str
    sentence: str
    grounds: list[str]


def verdict(pair: Pair, found: list[Difference], rule: Champion, names: tuple[str, str]) -> Verdict:
    """Judge by the measure that names the champion, at its level. names: of A and B."""
    measure = rule.measure.removeprefix("val_")
    one = next(difference for difference in found if difference.measure == measure)
    others = [difference for difference in found if difference is not one and outcome_of(difference, rule) != SAME]
    outcome = outcome_of(one, rule)
    text = f"{heading(outcome, names)}: {amount(one, names, pair.split, rule.confidence)}"
    return Verdict(outcome, text, [*grounds(pair, one, rule), *elsewhere(others, rule)])


def outcome_of(one: Difference, rule: Champion) -> str:
    """A difference counts when it is significant and at least min_gain, as a lead of the champion does."""
    if one.tested is None or one.tested.p > 1 - rule.confidence or abs(one.tested.gain) < rule.min_gain:
        return SAME
    return BETTER if one.tested.gain > 0 else WORSE


def elsewhere(others: list[Difference], rule: Champion) -> list[str]:
    """What is told apart in the measures that do not name the champion."""
    said = [
        f"{in_words(one.measure)} is {outcome_of(one, rule)} ({one.change:+.4f}, {p_words(one.tested.p)})"
        for one in others
        if one.tested is not None
    ]
    return [f"of the other measures, B's {', '.join(said)}"] if said else []


def heading(outcome: str, names: tuple[str, str]) -> str:
    """The verdict in a few words."""
    if outcome == SAME:
        return f"No difference can be told between {names[0]} and {names[1]}"
    return f"{names[1]} is {outcome} than {names[0]}"


def amount(one: Difference, names: tuple[str, str], split: str, confidence: float) -> str:
    """The difference in words, with its interval."""
    words, (low, high) = f"{split} {in_words(one.measure)}", (one.low, one.high)
    interval = f"({100 * confidence:g} % interval {low:+.4f} to {high:+.4f})"
    if one.change == 0:
        return f"both have {words} {one.a:.4f} {interval}"
    direction = "higher" if one.change > 0 else "lower"
    less = ", less is better" if one.measure in LESS_IS_BETTER else ""
    return f"{words} of {names[1]} is {abs(one.change):.4f} {direction}{less} {interval}"


def grounds(pair: Pair, one: Difference, rule: Champion) -> list[str]:
    """What the verdict rests on: test, level, images, seeds."""
    if one.tested is None:
        return []
    n, (only_a, only_b) = len(pair.a.truth), discordant(pair.a, pair.b)
    alone = f"{only_a:,} right by A alone, {only_b:,} by B alone"
    mcnemar = one.measure == "accuracy" and pair.a.n_seeds == pair.b.n_seeds == 1
    test = "McNemar's exact test" if mcnemar else "a paired randomization test"
    first = "" if pair.a.n_seeds == pair.b.n_seeds == 1 else " (first trainings)"
    said = [f"{p_words(one.tested.p)} by {test} on {n:,} {pair.split} images ({alone}{first})"]
    if one.tested.p <= 1 - rule.confidence and abs(one.tested.gain) < rule.min_gain:
        said.append(f"a gain below report.champion.min_gain = {rule.min_gain:g} counts as none")
    said.append(seeds(pair, one.tested.p_seeds))
    return [*said, "one comparison, corrected for nothing: of many, some differ by chance (the report corrects)"]


def seeds(pair: Pair, p_seeds: float | None) -> str:
    """What is known of the chance that lies in the seed of a training."""
    n_a, n_b = pair.a.n_seeds, pair.b.n_seeds
    if p_seeds is not None:
        return f"{n_a} and {n_b} trainings; over seeds alone {p_words(p_seeds)}, and the larger p counts"
    if n_a == n_b == 1:
        return (
            "one training each: this is about these two models, and another seed of the same recipe may turn it round"
        )
    return f"{n_a} and {n_b} trainings: one of them can't say how much lies in its seed"


def in_words(measure: str) -> str:
    """Name of a measure: macro_f1 -> macro F1."""
    return measure.replace("_", " ").replace("f1", "F1").replace("roc auc", "ROC AUC").replace("ece", "ECE")
