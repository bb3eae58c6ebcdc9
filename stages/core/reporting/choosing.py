"""Who is champion: within the limits, the cheapest that is close to the best one and not clearly beaten by it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stages.core.evaluating.significance import Answers, compare, holm
from stages.core.reporting.standing import Standing
from stages.core.settings.report_options import Champion

LIMITS = {"max_multiply_adds": "multiply_adds", "max_parameters": "n_parameters", "max_bytes": "model_bytes"}
WORDS = {"multiply_adds": "multiply-adds", "n_parameters": "parameters", "model_bytes": "bytes"}
GetAnswers = Callable[[Standing], Answers]


@dataclass(frozen=True)
class Rival:
    """A candidate beside the leader: how far behind, how probable by chance, and whether that is a clear lead.

    p: corrected for all pairs of candidates; p_seeds: of the seeds alone, uncorrected, where both have several.
    """

    standing: Standing
    gain: float
    p: float
    p_seeds: float | None
    beaten: bool


@dataclass(frozen=True)
class Choice:
    """The outcome of the rule; leader and champion are None when nothing competes within the limits.

    beyond: name -> the limit that it exceeds, in words.
    """

    rule: Champion
    champion: Standing | None
    leader: Standing | None
    rivals: list[Rival]
    beyond: dict[str, str]


def choose(order: list[Standing], rule: Champion, answers: GetAnswers, seed: int) -> Choice:
    """Apply the rule to candidates in the order of the leaderboard. `seed` is of the randomization tests."""
    competing = [standing for standing in order if standing.competes]
    beyond = {standing.name: found for standing in competing if (found := exceeded(standing, rule))}
    inside = [standing for standing in competing if standing.name not in beyond]
    if not inside:
        return Choice(rule, None, None, [], beyond)
    leader = inside[0]
    rivals = rivals_of(leader, inside[1:], rule, answers, seed)
    equals = [leader, *(rival.standing for rival in rivals if keeps_up(rival, rule))]
    return Choice(rule, min(equals, key=cost), leader, rivals, beyond)


def champion_first(order: list[Standing], choice: Choice) -> list[Standing]:
    """Return the order of the leaderboard with the champion in row 1; the others keep their order."""
    return sorted(order, key=lambda standing: standing is not choice.champion)


def keeps_up(rival: Rival, rule: Champion) -> bool:
    """Whether a cheaper rival may stand in for the leader.

    Not being told apart is not enough: few validation images can't tell 0.95 from 0.98, and the better guess is 0.98.
    """
    return not rival.beaten and rival.gain <= rule.max_gap


def exceeded(standing: Standing, rule: Champion) -> str:
    """Say the first limit that a candidate exceeds; nothing when it is within all."""
    for limit, name in LIMITS.items():
        most, value = getattr(rule, limit), standing.metrics[name]
        if most is not None and value > most:
            return f"{value:,.0f} {WORDS[name]}, report.champion.{limit} is {most:,}"
    return ""


def cost(standing: Standing) -> tuple[float, float, str]:
    """What the rule calls cheap: few multiply-adds, then few parameters, then the name."""
    return standing.metrics["multiply_adds"], standing.metrics["n_parameters"], standing.name


def rivals_of(leader: Standing, others: list[Standing], rule: Champion, answers: GetAnswers, seed: int) -> list[Rival]:
    """Compare the leader with each other candidate on the validation images.

    Any candidate could have come out as the leader, so the correction is for all pairs, not only for those compared.
    """
    measure, own, n = rule.measure.removeprefix("val_"), answers(leader), len(others) + 1
    found = [compare(own, answers(other), measure, seed) for other in others]
    adjusted = holm([one.p for one in found], n * (n - 1) // 2)
    level = 1 - rule.confidence
    return [
        Rival(other, one.gain, p, one.p_seeds, p <= level and one.gain > 0 and one.gain >= rule.min_gain)
        for other, one, p in zip(others, found, adjusted, strict=True)
    ]


def explained(choice: Choice) -> list[str]:
    """The choice in sentences with numbers: who leads, why the champion is champion, what the others lack."""
    rule, leader, champion = choice.rule, choice.leader, choice.champion
    if leader is None or champion is None:
        why = "every candidate that finished exceeds a limit." if choice.beyond else "no candidate can be chosen."
        return [f"There is no champion: {why}", *left_out(choice)]
    words, value = in_words(rule.measure), leader.score(rule.measure)
    n_seeds = int(leader.metrics["n_seeds"])
    mean = f", the mean over {n_seeds} seeds" if n_seeds > 1 else ""
    lead = f"{leader.name} leads with a {words} of {value:.4f}{mean}"
    said = [f"{lead}."]
    ties = [rival for rival in choice.rivals if not rival.beaten]
    if champion is not leader:
        own = next(rival for rival in ties if rival.standing is champion)
        said = [
            f"{champion.name} is chosen although {lead}: the lead of {leader.name} over {champion.name}, "
            f"{own.gain:.4f}, does not count ({reason(own, rule)}).",
            f"Of those that keep up with {leader.name}, {champion.name} is the cheapest: {price(champion)} instead of "
            f"{price(leader)}.",
        ]
    elif close := [rival for rival in ties if keeps_up(rival, rule)]:
        are = "are" if len(close) > 1 else "is"
        said.append(f"{listed_names(close)} can't be told from {leader.name}, and {are} not cheaper.")
    if far := [rival for rival in ties if not keeps_up(rival, rule)]:
        are = "they are" if len(far) > 1 else "it is"
        said.append(
            f"So few images can't tell {listed_names(far)} from {leader.name} either, but {are} "
            f"more than {rule.max_gap:g} behind, which is too far to be chosen instead (report.champion.max_gap)."
        )
    if choice.rivals and not ties:
        said.append(f"{leader.name} beats every other at {100 * rule.confidence:g} %.")
    return said + optimism([champion, leader]) + left_out(choice)


def left_out(choice: Choice) -> list[str]:
    """A sentence for each candidate that exceeds a limit."""
    return [f"{name} is left out: {why}." for name, why in choice.beyond.items()]


def optimism(standings: list[Standing]) -> list[str]:
    """Say of whose validation measure it is too good: settings or weights were chosen by it."""
    names = list(dict.fromkeys(standing.name for standing in standings if standing.optimistic))
    said = "was itself chosen on the validation images, so its measure there is optimistic; test images chose nothing."
    return [f"{name} {said}" for name in names]


def reason(rival: Rival, rule: Champion) -> str:
    """Why a lead does not count, with the number that says so."""
    if rival.p > 1 - rule.confidence:
        return f"{p_words(rival.p)}, within the noise"
    return f"it is below report.champion.min_gain = {rule.min_gain:g}"


def p_words(p: float) -> str:
    """A corrected p-value for people."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def price(standing: Standing) -> str:
    """Multiply-adds and parameters for people."""
    return (
        f"{standing.metrics['multiply_adds']:,.0f} multiply-adds and {standing.metrics['n_parameters']:,.0f} parameters"
    )


def in_words(measure: str) -> str:
    """Name of a measure on validation: val_macro_f1 -> validation macro F1."""
    return measure.replace("val_", "validation ", 1).replace("_", " ").replace("f1", "F1")


def listed_names(rivals: list[Rival]) -> str:
    """Names of rivals as part of a sentence."""
    names = [rival.standing.name for rival in rivals]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def as_record(choice: Choice) -> dict[str, Any]:
    """The choice for champion.json."""
    return {
        "rule": choice.rule.model_dump(),
        "candidate": choice.champion.name if choice.champion else None,
        "leader": choice.leader.name if choice.leader else None,
        "why": explained(choice),
        "compared": [
            {"candidate": r.standing.name, "behind": r.gain, "p": r.p, "p_seeds": r.p_seeds, "beaten": r.beaten}
            for r in choice.rivals
        ],
        "beyond_limits": choice.beyond,
    }
