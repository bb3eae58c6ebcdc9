"""Parallel coordinates: where the lines of trials run, by hand."""

import pandas as pd

from stages.core.reporting.parallel_coordinates import BOTTOM, HEIGHT, TOP, parallel_coordinates


def trials(**columns):
    """A table of three trials."""
    return pd.DataFrame({"trial": [1, 2, 3], "score": [0.5, 0.9, 0.7], **columns})


def test_a_line_runs_from_value_to_score():
    """The lowest value is at the bottom, the highest at the top, and the score is the last axis."""
    drawn = parallel_coordinates(trials(rate=[0.1, 0.2, 0.3]), ["rate"], "val_accuracy", less=False)
    heights = {line["trial"]: [y for _, y in line["points"]] for line in drawn["lines"]}

    assert heights[1] == [HEIGHT - BOTTOM, HEIGHT - BOTTOM] and heights[2][1] == TOP and heights[3][0] == TOP
    assert [axis["name"] for axis in drawn["axes"]] == ["rate", "val_accuracy"]


def test_the_best_trial_has_the_strongest_shade_and_is_drawn_last():
    """By accuracy the highest score is best, by loss the lowest."""
    for less, best in ((False, 2), (True, 1)):
        drawn = parallel_coordinates(trials(rate=[0.1, 0.2, 0.3]), ["rate"], "score", less)

        assert drawn["lines"][-1]["trial"] == best and drawn["lines"][-1]["shade"] == 4


def test_an_inactive_value_leaves_a_gap():
    """The path begins anew after it, and what is read out leaves it out."""
    drawn = parallel_coordinates(trials(a=[1, 2, 3], b=[1.0, None, 2.0]), ["a", "b"], "score", less=False)
    line = next(line for line in drawn["lines"] if line["trial"] == 2)

    assert line["path"].count("M") == 2 and line["points"][1][1] is None and "b" not in line["text"].split()
    assert "nan" not in str(drawn)


def test_words_stand_at_even_distances():
    """In alphabetical order; true and false are words."""
    drawn = parallel_coordinates(
        trials(name=["sgd", "adam", "lion"], on=[True, False, True]), ["name", "on"], "s", False
    )

    assert [text for _, text in drawn["axes"][0]["ticks"]] == ["adam", "lion", "sgd"]
    assert [text for _, text in drawn["axes"][1]["ticks"]] == ["False", "True"]


def test_a_wide_range_is_logarithmic():
    """Half-way between 1e-4 and 1 is 1e-2."""
    drawn = parallel_coordinates(trials(rate=[1e-4, 1e-2, 1.0]), ["rate"], "score", less=False)

    assert drawn["axes"][0]["heights"][1] == (HEIGHT - BOTTOM + TOP) / 2 and drawn["axes"][0]["ticks"][1][1] == "0.01"


def test_what_never_varies_and_one_trial_are_not_drawn():
    """There is nothing to see in them."""
    assert parallel_coordinates(trials(rate=[1, 1, 1]), ["rate"], "score", less=False) is None
    assert parallel_coordinates(trials(rate=[1, 2, 3]).head(1), ["rate"], "score", less=False) is None
