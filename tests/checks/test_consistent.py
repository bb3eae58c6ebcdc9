"""consistent: an image unlike the others in size, shape or kind is named."""

import numpy as np
import pandas as pd
import pytest

from stages.checks.consistent import measure, promises, times_off
from stages.core.gate.gating import NO_PAIRS
from stages.core.gate.promises import Subject, broken_rows
from tests import gate

WIDE, HIGH = gate.picture(0, 80), gate.picture(0, 81)


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        (gate.encoded(np.tile(WIDE, (4, 4, 1))), "the median of the set: ash/odd.jpg ("),
        (gate.encoded(WIDE[:12, :12]), "the median of the set: ash/odd.jpg ("),
        (gate.encoded(WIDE[:18]), "the median of the set: ash/odd.jpg ("),
        (gate.encoded(WIDE[:, :18]), "the median of the set: ash/odd.jpg ("),
        (gate.encoded(WIDE[..., 0]), "another kind than the rest (1 x L of 8 bits)"),
        (gate.encoded(WIDE[..., 0].astype(np.uint16) * 257, "png"), "another kind than the rest (1 x I;16 of 16 bits)"),
    ],
)
def test_an_image_unlike_the_others_is_named(tmp_path, odd, words):
    """16 times or a 16th of the area, 2.7 times the shape, grey or of 16 bits among 120 in colour: a warning."""
    found = gate.inspected(tmp_path, gate.clean(40) | {"ash/odd.jpg": odd}, "consistent")
    finding = gate.one(found, "consistent")

    assert (finding.severity, finding.examples, gate.offenders(found, "consistent")) == (
        "warning",
        ["ash/odd.jpg"],
        ["ash/odd.jpg"],
    )
    assert words in finding.message


def test_times_off_by_hand():
    """Against the median 20: half, as large, five times, exactly; a missing size is missing."""
    assert times_off(pd.Series([10.0, 20.0, 100.0, np.nan]))[:3].tolist() == [2, 1, 5]
    assert times_off(pd.Series([4.8, 48.0, 480.0])).tolist() == [10, 1, 10]
    assert times_off(pd.Series([20.0, np.nan])).isna().tolist() == [False, True]


@pytest.mark.parametrize(("n_all", "n_broken"), [(99, 0), (100, 0), (101, 1)])
def test_one_of_a_hundred_is_still_a_kind(n_all, n_broken):
    """min_kind_share: 0.01 is exactly one of a hundred images; fewer is odd."""
    modes = ["L"] + ["RGB"] * (n_all - 1)
    images = pd.DataFrame({"mode": modes, "bits": 8, "width": 10.0, "height": 10.0})
    options = gate.checks("consistent")["consistent"].options.model_copy(update={"min_kind_share": 0.01})
    share = measure(Subject(images, np.zeros(0), NO_PAIRS), options)["kind_share"]

    assert broken_rows(promises(options)[2], share).sum() == n_broken
