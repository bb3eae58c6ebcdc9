"""Who was champion when, as the ledger tells it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.auditing.chain import made
from stages.core.auditing.finding import Unknown
from stages.core.files import write_json
from stages.core.promoting.golden import parity, read_golden
from stages.core.promoting.history import champion_said, champions, evidence_of, last_change, n_tried, of_model


def lines(*told):
    """Decisions in order: (what, key)."""
    found = []
    for number, (what, key) in enumerate(told):
        found.append(made("promotion", f"{number:04}", {"what": what, "key": key, "champion": None}, found))
    return found


def keys(stack):
    return [line.body["key"] for line in stack]


def test_a_promotion_adds_a_champion_and_a_rollback_takes_it_away():
    """A refusal changes nothing; after a rollback the next promotion goes on from there."""
    told = lines(("promoted", "a"), ("refused", "x"), ("forced", "b"), ("rolled back", "a"), ("promoted", "c"))

    assert keys(champions(told)) == ["a", "c"]
    assert keys(champions(told[:4])) == ["a"] and last_change(told[:2]) is told[0]
    assert champions([]) == [] and last_change([]) is None


@given(st.lists(st.sampled_from(["promote", "refuse", "roll back"]), max_size=30))
def test_the_last_change_always_made_the_champion_of_now(acts):
    """Whatever is done in whatever order: who was put in last, or back, is on top."""
    told, stack = [], []
    for number, act in enumerate(acts):
        if act == "promote":
            stack.append(f"k{number}")
            told.append(("promoted", f"k{number}"))
        elif act == "refuse":
            told.append(("refused", f"k{number}"))
        elif len(stack) > 1:
            stack.pop()
            told.append(("rolled back", stack[-1]))
    found = lines(*told)

    assert keys(champions(found)) == stack
    assert not stack or last_change(found).body["key"] == stack[-1]


def test_who_was_tried_counts_once_against_one_champion_on_one_exam():
    """The same candidate again is no further chance; another champion, or other images, begin a new series."""
    against = {"champion": {"key": "c"}, "exam": "e", "gates": [], "what": "refused", "evidence": {}}
    bodies = [{**against, "key": key} for key in ("x", "x", "y")]
    bodies += [{**against, "key": "z", "exam": "other"}, {**against, "key": "z", "champion": None}]
    bodies += [{"what": "rolled back", "key": "c", "champion": {"key": "c"}, "exam": "e"}]
    found = [made("promotion", str(n), body, []) for n, body in enumerate(bodies)]

    assert n_tried(found, "new", "c", "e") == 3 and n_tried(found, "x", "c", "e") == 2
    assert n_tried(found, "new", None, "e") == 2 and n_tried([], "new", None, None) == 1
    assert evidence_of(found, "x") is found[1] and evidence_of(found, "c") is None


def test_golden_answers_that_are_damaged_are_unknown(tmp_path):
    """None, no list, or an image without its probabilities: a sentence, for the gate and for an export."""
    for kept, said in (([], "holds no image"), ({"a": 1}, "damaged"), ([{"path": "x"}], "lacks label, path, prob")):
        write_json(tmp_path / "golden.json", kept)
        with pytest.raises(Unknown, match=said):
            read_golden(tmp_path)


def test_who_is_in_use_in_words():
    """By the last decision that changed it; nothing before the first."""
    refused = made("promotion", "2026-01-02T", {"what": "refused", "candidate": "b"}, [])
    won = made("promotion", "2026-01-01T00", {"what": "promoted", "candidate": "a"}, [])

    assert champion_said([won, refused]) == "a (promoted 2026-01-01)" and champion_said([refused]) == ""


def test_git_may_put_a_later_decision_first():
    """Lines of two branches are taken in the order of their times; a clock that was set back does not turn a chain round."""
    one = made("promotion", "2026-01-03", {"model": "m", "key": "a"}, [])
    two = made("promotion", "2026-01-02", {"model": "m", "key": "b"}, [])
    after = made("promotion", "2026-01-01", {"model": "m", "key": "c"}, [one, two])

    assert keys(of_model([one, two, after], "m")) == ["b", "a", "c"] and of_model([one], "other") == []


def test_parity_is_of_labels_and_of_the_farthest_probability():
    """A missing class, or no number, is infinitely far; another label is named."""
    kept = [
        {"path": "a", "label": "cat", "probabilities": [0.9, 0.1]},
        {"path": "b", "label": "dog", "probabilities": [0, 1]},
    ]
    right = [{"label": "cat", "p.cat": 0.9, "p.dog": 0.1}, {"label": "dog", "p.cat": 3e-6, "p.dog": 1.0}]

    found = parity(kept, right, ["cat", "dog"])
    assert found.other_labels == [] and abs(found.largest - 3e-6) < 1e-12 and found.worst == "b" and found.n_images == 2
    wrong = parity(kept, [{"label": "dog", "p.cat": 0.9}, right[1]], ["cat", "dog"])
    assert wrong.other_labels == ["a"] and wrong.largest == float("inf") and wrong.worst == "a"
    assert parity(kept, [{**right[0], "p.dog": float("nan")}, right[1]], ["cat", "dog"]).largest == float("inf")
