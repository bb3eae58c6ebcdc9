"""even_splits: a class has about the same share in every split, or it is told which has not."""

import numpy as np
import pandas as pd
import pytest

from stages.checks.even_splits import measure
from stages.core.gate.gating import NO_PAIRS
from stages.core.gate.promises import Subject
from tests import gate


def apart(splits):
    """Difference measured of {split: labels}."""
    rows = [{"split": split, "label": label, "usable": True} for split, labels in splits.items() for label in labels]
    images = pd.DataFrame(rows, columns=["split", "label", "usable"]).astype({"usable": bool})
    return measure(Subject(images, np.zeros(0), NO_PAIRS), gate.checks("even_splits")["even_splits"].options)


@pytest.mark.parametrize(
    ("splits", "difference"),
    [
        ({"train": "aaab", "val": "ab"}, 0.25),  # 3/4 against 1/2
        ({"train": "aabb", "val": "ab", "test": "aaab"}, 0.25),
        ({"train": "ab", "val": "ab", "test": "ba"}, 0),
        ({"train": "ab", "test": "c"}, 1),  # a class that train has never seen
        ({"train": "aab"}, 0),  # nothing to compare with
        ({"val": "ab", "test": "a"}, 0),
        ({}, 0),
    ],
)
def test_the_difference_by_hand(splits, difference):
    """The largest over classes and splits, against train."""
    assert apart(splits) == pytest.approx({"share_difference": difference})


def test_an_uneven_predefined_split_is_told(tmp_path):
    """A third of train and half of test are ash: a warning with both shares."""
    files = {}
    for name, data in gate.clean(30).items():
        number = int(name[4:7])
        in_test = number < (14 if name.startswith("ash") else 7)
        files[f"{'test' if in_test else 'train'}/{name}"] = data
    finding = gate.one(gate.inspected(tmp_path, files, "even_splits"), "even_splits")

    assert (finding.severity, finding.examples) == ("warning", [])
    assert "class 'ash' is" in finding.message and "50.0% of test" in finding.message
