"""exposed: too dark and too light images are named; the limits themselves are fine."""

import numpy as np
import pandas as pd

from stages.checks.exposed import promises
from stages.core.gate.promises import broken_rows
from tests import gate


def test_dark_and_light_images_are_named(tmp_path):
    """An eighth of the light, and its negative: a warning each."""
    dark, light = gate.picture(0, 90) // 8, 255 - gate.picture(0, 91) // 8
    files = gate.clean() | {"ash/dark.png": gate.encoded(dark, "png"), "elm/light.png": gate.encoded(light, "png")}
    found = gate.inspected(tmp_path, files, "exposed")
    first, second = gate.broken(found, "exposed")

    assert (first.severity, first.examples) == ("warning", ["ash/dark.png"]) and "too dark" in first.message
    assert (second.severity, second.examples) == ("warning", ["elm/light.png"]) and "too light" in second.message
    assert gate.offenders(found, "exposed") == ["ash/dark.png", "elm/light.png"]


def test_the_limits_are_exposed_well_enough():
    """A percentile that is the limit breaks nothing, nor does a missing one, in float32 as they are stored."""
    options = gate.checks("exposed")["exposed"].options
    low, high = options.min_lightest, options.max_darkest
    dark, light = promises(options)

    assert broken_rows(dark, pd.Series([low - 1, low, np.nan], dtype="float32")).tolist() == [True, False, False]
    assert broken_rows(light, pd.Series([high, high + 1, np.nan], dtype="float32")).tolist() == [False, True, False]
