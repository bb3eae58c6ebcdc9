"""The champion: within its limits, the cheapest that the leader does not clearly beat."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.evaluating.significance import Answers
from stages.core.reporting.choosing import as_record, champion_first, choose, cost, explained
from stages.core.reporting.standing import Standing, ranked
from stages.core.settings.report_options import Champion

RULE = Champion(
    measure="val_accuracy",
    min_gain=0.0,
    max_gap=1.0,
    confidence=0.95,
    max_multiply_adds=None,
    max_parameters=None,
    max_bytes=None,
)
N = 100


def standing(name, right, multiply_adds, stage="train", **metrics):
    """A candidate that is right on the given share of the validation images."""
    record = {"failure": None, "stage": stage, "params": {}, "classes": ["a", "b"]}
    costs = {"multiply_adds": multiply_adds, "n_parameters": 10.0, "model_bytes": 10.0, "n_seeds": 1.0}
    return Standing(name, Path(name), record, {"val_accuracy": right, **costs, **metrics})


def answers_of(standing):
    """Its first images are right: of two candidates the better one is right wherever the other is."""
    said = (np.arange(N) >= round(standing.metrics["val_accuracy"] * N)).astype(int)
    return Answers(np.zeros(N, int), said[None], said[None].astype(float), 2)


def chosen(found, **rule):
    """Apply a rule to candidates."""
    return choose(ranked(found, "val_accuracy"), RULE.model_copy(update=rule), answers_of, 1)


def test_a_clear_lead_makes_the_leader_champion():
    """20 images alone right, none for the other: p = 2 / 2^20."""
    choice = chosen([standing("large", 0.9, 1000), standing("small", 0.7, 10)])

    assert choice.champion.name == choice.leader.name == "large"
    assert choice.rivals[0].p == pytest.approx(2 / 2**20) and choice.rivals[0].beaten
    assert explained(choice) == [
        "large leads with a validation accuracy of 0.9000.",
        "large beats every other at 95 %.",
    ]


def test_a_lead_within_the_noise_makes_the_cheapest_champion():
    """3 images alone right of 100: p = 0.25; the sentence says who led, by what, and why that does not count."""
    choice = chosen([standing("large", 0.9, 1000), standing("middle", 0.88, 100), standing("small", 0.87, 10)])

    assert choice.leader.name == "large" and choice.champion.name == "small"
    why = explained(choice)
    assert why[0] == (
        "small is chosen although large leads with a validation accuracy of 0.9000: "
        "the lead of large over small, 0.0300, does not count (p = 0.750, within the noise)."
    )
    assert why[1].startswith("Of those that keep up with large, small is the cheapest")
    assert "10 multiply-adds and 10 parameters instead of 1,000 multiply-adds" in why[1]


def test_the_champion_stands_in_row_1():
    """Even where it does not lead; the others stay ranked by the measure."""
    found = [standing("large", 0.9, 1000), standing("middle", 0.88, 100), standing("small", 0.87, 10)]
    order = champion_first(ranked(found, "val_accuracy"), chosen(found))

    assert [one.name for one in order] == ["small", "large", "middle"]


def test_the_correction_is_for_all_pairs():
    """8 images alone right: p = 2 / 2^8 = 0.0078; of two candidates that is clear, of six (15 pairs) it is not."""
    two = [standing("large", 0.9, 1000), standing("small", 0.82, 10)]
    more = [standing(f"m{i}", 0.895, 2000 + i) for i in range(4)]

    assert chosen(two).champion.name == "large"
    assert chosen([*two, *more]).champion.name == "small"
    assert chosen([*two, *more]).rivals[-1].p == pytest.approx(15 * 2 / 2**8)


def test_a_lead_below_min_gain_does_not_count():
    """However significant it is."""
    found = [standing("large", 0.9, 1000), standing("small", 0.8, 10)]

    assert chosen(found).champion.name == "large"
    choice = chosen(found, min_gain=0.11)
    assert choice.champion.name == "small"
    assert "does not count (it is below report.champion.min_gain = 0.11)" in explained(choice)[0]


def test_a_cheap_candidate_far_behind_is_no_champion_however_uncertain():
    """3 images of 100 are within the noise; at most one behind keeps the middle one in and the small one out."""
    found = [standing("large", 0.9, 1000), standing("middle", 0.89, 100), standing("small", 0.87, 10)]

    assert chosen(found).champion.name == "small"
    assert chosen(found, max_gap=0.011).champion.name == "middle"
    alone = chosen(found, max_gap=0.0)
    assert alone.champion.name == "large"
    assert explained(alone)[1].startswith(
        "So few images can't tell middle and small from large either, but they are more than 0 behind"
    )


def test_limits_leave_candidates_out():
    """Even the best; the sentence says which limit, and with all left out there is no champion."""
    found = [standing("large", 0.9, 1000), standing("small", 0.7, 10)]
    choice = chosen(found, max_multiply_adds=500)

    assert choice.champion.name == choice.leader.name == "small"
    assert explained(choice)[-1] == "large is left out: 1,000 multiply-adds, report.champion.max_multiply_adds is 500."
    nobody = chosen(found, max_bytes=1)
    assert nobody.champion is None and as_record(nobody)["candidate"] is None
    assert explained(nobody)[0] == "There is no champion: every candidate that finished exceeds a limit."
    assert explained(nobody)[1].startswith("large is left out: 10 bytes")


def test_what_validation_can_not_judge_does_not_compete():
    """A failed training and a last fit on all images come after the others, and are never champion."""
    failed = Standing("failed", Path("f"), {"failure": "NaN", "stage": "train", "params": {}}, {})
    last = standing("small_refit", 0.0, 1)
    del last.metrics["val_accuracy"]
    last = Standing(last.name, last.folder, last.record, last.metrics, "small")
    order = ranked([failed, last, standing("small", 0.7, 10)], "val_accuracy")

    assert [s.name for s in order] == ["small", "small_refit", "failed"]
    assert last.note == "refit of small"
    assert choose(order, RULE, answers_of, 1).champion.name == "small"


def test_the_optimism_of_a_search_is_said():
    """Of a champion and of a leader whose settings were chosen on validation."""
    choice = chosen([standing("small-tuned", 0.9, 10, stage="tune")])

    assert choice.champion.note == "settings chosen on validation"
    assert explained(choice)[-1] == (
        "small-tuned was itself chosen on the validation images, so its measure there is optimistic; "
        "test images chose nothing."
    )


def test_the_mean_over_seeds_ranks():
    """Not the first seed, by which one may be lucky."""
    lucky, steady = standing("lucky", 0.95, 1, val_accuracy_mean=0.8), standing("steady", 0.9, 1, val_accuracy_mean=0.9)

    assert [s.name for s in ranked([lucky, steady], "val_accuracy")] == ["steady", "lucky"]


def test_a_measure_that_is_better_when_lower_ranks_from_below():
    """Log loss: the smallest leads."""
    found = [standing("a", 0.9, 1, val_log_loss=0.5), standing("b", 0.8, 1, val_log_loss=0.3)]

    assert [s.name for s in ranked(found, "val_log_loss")] == ["b", "a"]


CANDIDATES = st.lists(st.tuples(st.integers(50, 100), st.integers(1, 1000)), min_size=1, max_size=6)


def made(pairs):
    return [standing(f"c{place}", right / N, adds) for place, (right, adds) in enumerate(pairs)]


@given(CANDIDATES, st.integers(1, 1000), st.sampled_from([0.0, 0.05]))
def test_the_champion_keeps_every_limit(pairs, most, min_gain):
    """And no candidate within the limits that the leader does not beat is cheaper; the leader is the best of them."""
    choice = chosen(made(pairs), max_multiply_adds=most, min_gain=min_gain)
    inside = [s for s in made(pairs) if s.metrics["multiply_adds"] <= most]

    assert (choice.champion is None) == (not inside)
    if choice.champion:
        assert choice.champion.metrics["multiply_adds"] <= most
        assert choice.leader.metrics["val_accuracy"] == max(s.metrics["val_accuracy"] for s in inside)
        equals = [choice.leader, *(rival.standing for rival in choice.rivals if not rival.beaten)]
        assert cost(choice.champion) == min(map(cost, equals))


@given(CANDIDATES, st.integers(1, 40), st.integers(0, 1000))
def test_a_worse_and_dearer_candidate_never_makes_the_champion_dearer(pairs, worse, dearer):
    """It can only weaken a claim, as more are compared: then a cheaper one that was beaten keeps up."""
    before = chosen(made(pairs))
    added = standing("added", (min(right for right, _ in pairs) - worse) / N, 1001 + dearer)
    after = chosen([*made(pairs), added])

    assert cost(after.champion) <= cost(before.champion)
    assert after.leader.name == before.leader.name
