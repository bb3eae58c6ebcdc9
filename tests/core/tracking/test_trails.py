"""What a run says of what made it, in words that a chart or a column can't garble."""

import pytest

from stages.core.tracking.trails import learning_rate_text

CONSTANT = {"name": "constant", "warmup": 0.0, "end": 1.0, "decay_rate": None, "decay_steps": None}


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ({}, "0.003162 with adam, constant"),
        (
            {"name": "linear", "warmup": 0.25, "end": 0.0},
            "0.003162 with adam, linear to 0 % of it after a warm-up of 25 %",
        ),
        (
            {"name": "exponential", "decay_rate": 0.9, "decay_steps": 1000},
            "0.003162 with adam, exponential, times 0.9 every 1,000 steps",
        ),
    ],
)
def test_the_learning_rate_is_readable(schedule, words):
    """Four digits, the optimizer and the schedule; MLflow's charts show 0.001 as "1m"."""
    fit = {"optimizer": {"name": "adam", "rate": 0.0031622776}, "schedule": CONSTANT | schedule}

    assert learning_rate_text({"fit": fit}) == words


def test_what_has_no_optimizer_has_no_learning_rate():
    """A classical head, a combination."""
    assert learning_rate_text({"fit": {"seeds": [1]}}) == learning_rate_text({"kind": "combine"}) == ""
