"""balanced: ratio, effective number of classes and constant answer by hand, and each limit from both sides."""

import numpy as np
import pandas as pd
import pytest

from stages.checks.balanced import measure, ratio
from stages.core.gate.gating import NO_PAIRS
from stages.core.gate.promises import Subject
from tests import gate


def counted(**counts):
    """What is measured of a set with these images a class, all in train."""
    labels = [name for name, n in counts.items() for _ in range(n)]
    images = pd.DataFrame({"label": labels, "split": "train", "usable": True})
    return measure(Subject(images, np.zeros(0), NO_PAIRS), gate.checks("balanced")["balanced"].options)


@pytest.mark.parametrize(
    ("counts", "class_ratio", "effective", "constant"),
    [
        ({"a": 7, "b": 7}, 1, 2, 0.5),
        ({"a": 9}, 1, 1, 1),
        ({"a": 3, "b": 1}, 3, 0.75**-0.75 * 0.25**-0.25, 0.75),
        ({"a": 8, "b": 1, "c": 1}, 8, 0.8**-0.8 * 0.1**-0.2, 0.8),
    ],
)
def test_numbers_by_hand(counts, class_ratio, effective, constant):
    """Hill's number of order 1 is the product of p ** -p; k equal classes count as k."""
    assert counted(**counts) == pytest.approx(
        {
            "class_ratio": class_ratio,
            "worst_split_ratio": 1,
            "effective_share": effective / len(counts),
            "constant_accuracy": constant,
        }
    )


def test_ratio_of_nothing_is_one():
    """No class is larger than another."""
    assert (ratio(pd.Series([], dtype="int64")), ratio(pd.Series([6, 4])), ratio(pd.Series([5]))) == (1, 1.5, 1)


def test_the_worst_split_counts():
    """3 to 2 over all and 3 to 1 within val: twice as uneven as the whole."""
    images = pd.DataFrame({"label": list("aaabbbaaab"), "split": ["train"] * 6 + ["val"] * 4, "usable": True})
    found = measure(Subject(images, np.zeros(0), NO_PAIRS), gate.checks("balanced")["balanced"].options)

    assert (found["class_ratio"], found["worst_split_ratio"]) == (1.5, 2)


def sized(**counts):
    return {f"{name}/{i:03}.jpg": gate.jpeg(k, i) for k, (name, n) in enumerate(counts.items()) for i in range(n)}


def test_an_uneven_set_is_a_warning(tmp_path):
    """31 to 20 is above 1.5; the message names both classes and the limit."""
    finding = gate.one(gate.inspected(tmp_path, sized(ash=31, elm=20, oak=25), "balanced"), "balanced")

    assert (finding.severity, finding.observed) == ("warning", 1.55)
    assert "class 'elm' has 20 of 76 images, 1 for every 1.55 of 'ash'" in finding.message
    assert "checks.balanced.warn_ratio is 1.5" in finding.message


def test_the_limit_is_even(tmp_path):
    """30 to 20 is 1.5."""
    assert gate.broken(gate.inspected(tmp_path, sized(ash=30, elm=20, oak=25), "balanced"), "balanced") == []


def test_a_very_uneven_set_is_critical(tmp_path):
    """101 to 10 to 10 breaks every promise but that about splits, one of them for good."""
    found = gate.inspected(tmp_path, sized(ash=101, elm=10, oak=10), "balanced")
    severities = [finding.severity for finding in gate.broken(found, "balanced")]

    assert severities == ["warning", "critical", "warning", "warning"]
    (stop,) = [finding for finding in gate.broken(found, "balanced") if finding.severity == "critical"]
    assert "has 10 of 121 images, 1 for every 10.1 of 'ash'; checks.balanced.max_ratio is 10" in stop.message
