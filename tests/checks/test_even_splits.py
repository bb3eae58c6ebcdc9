"""even_splits: a class has about the same share in every split, or it is told which has not."""

import numpy as np
import pandas as pd
import pytest

from stages.checks.even_splits import measure, undivided_shares
from stages.core.gate.gating import NO_PAIRS
from stages.core.gate.promises import Subject
from tests import gate


def apart(splits):
    """Difference measured of {split: labels}."""
    rows = [{"split": split, "label": label, "usable": True} for split, labels in splits.items() for label in labels]
    images = pd.DataFrame(rows, columns=["split", "label", "usable"]).astype({"usable": bool})
    images = images.assign(given_split=images["split"], group=None, near=None, pixels=np.arange(len(images)))
    options = gate.checks("even_splits")["even_splits"].options
    return measure(Subject(images, np.zeros(0), NO_PAIRS), options)["share_difference"]


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
    assert apart(splits) == pytest.approx(difference)


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


def test_undivided_shares_by_hand():
    """Three of four a and two of two c belong together; single images and predefined splits divide nothing."""
    usable = pd.DataFrame(
        {"label": list("aaaabbcc"), "group": ["g", "g", "g", None, None, None, None, None], "near": [None] * 6 + [1, 1]}
    ).assign(pixels=np.arange(8), given_split=None)

    assert undivided_shares(usable).to_dict() == {"a": 0.75, "c": 1.0}
    assert undivided_shares(usable.assign(given_split="train")).empty


def test_near_copies_that_spoil_a_small_split_are_told(tmp_path):
    """Ten of 22 images of a class are one picture in other qualities: the split can't follow its fractions."""
    files = gate.clean(12) | {f"ash/burst{n}.jpg": gate.jpeg(0, 500, quality=95 - 4 * n) for n in range(10)}
    near_copies = gate.shipped().tree.split.near_copies
    found = gate.inspected(tmp_path, files, "even_splits", near_copies=near_copies)
    (finding,) = [one for one in found.findings if one.check == "even_splits" and "belong" in one.message]

    assert "45% of class 'ash' belong together as near copies (`split.near_copies`)" in finding.message
    assert "are in train" in finding.message and not finding.passed
