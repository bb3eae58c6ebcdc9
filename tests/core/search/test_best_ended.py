"""The live line of a search counts the trials that have ended, and names the best."""

from types import SimpleNamespace

import pytest

from stages.core.files import write_json
from stages.core.search.searching import best_ended


@pytest.mark.parametrize(
    ("objective", "best"), [("val_accuracy", "0.9500 (trial 2)"), ("val_loss", "0.4000 (trial 1)")]
)
def test_the_best_of_the_ended_trials_is_named(tmp_path, objective, best):
    """By the objective's own direction; a failed trial counts as ended and is never the best."""
    for number, score in ((1, 0.4), (2, 0.95), (3, None)):
        write_json(tmp_path / f"trials/{number:02d}/trial.json", {"score": score, "proposal": {"number": number}})
    (tmp_path / "trials/04").mkdir()  # under way

    assert best_ended(tmp_path, SimpleNamespace(objective=objective)) == (3, f", best {objective} {best}")


def test_before_the_first_trial_nothing_is_claimed(tmp_path):
    """No trial, no best."""
    assert best_ended(tmp_path, SimpleNamespace(objective="val_accuracy")) == (0, "")
