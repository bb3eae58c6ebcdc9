"""sharp: blurred images are named, and a set that is soft as a whole is told."""

import cv2
import numpy as np
import pytest

from stages.core.errors import UserError
from stages.core.gate.gating import quarantined
from tests import gate


def blurred(data, radius=2):
    pixels = cv2.cvtColor(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return gate.encoded(cv2.GaussianBlur(pixels, (0, 0), radius), quality=90)


def test_blurred_images_are_named_the_softest_first(tmp_path):
    """Two of sixty-two: a warning; a blank one can't be judged and isn't."""
    files = gate.clean() | {
        "ash/less.jpg": blurred(gate.jpeg(0, 90), 1.5),
        "elm/more.jpg": blurred(gate.jpeg(1, 90), 3),
        "oak/blank.jpg": gate.encoded(np.full((48, 48, 3), 99, np.uint8)),
    }
    found = gate.inspected(tmp_path, files, "sharp")
    finding = gate.one(found, "sharp")

    assert (finding.severity, finding.examples) == ("warning", ["elm/more.jpg", "ash/less.jpg"])
    assert gate.offenders(found, "sharp") == ["ash/less.jpg", "elm/more.jpg"]


def test_a_soft_set_is_told_as_one(tmp_path):
    """When every image is blurred it is a finding of the set, beside the images."""
    found = gate.inspected(tmp_path, {name: blurred(data) for name, data in gate.clean(12).items()}, "sharp")
    images, whole = gate.broken(found, "sharp")

    assert images.observed == 36 and images.untold and images.remedy == ""
    assert "100% of the set" in images.message
    assert whole.severity == "warning" and whole.observed < whole.limit and whole.examples == []
    assert "half of them have a crispness below" in whole.message


def test_quarantine_refuses_what_names_much_of_the_set(tmp_path):
    """All 36 images would go; the limit is what a user raises who wants it so."""
    soft = gate.subject(tmp_path, {name: blurred(data) for name, data in gate.clean(12).items()})

    with pytest.raises(UserError, match=r"quarantine: sharp names 36 images.*checks\.sharp\.max_named_share"):
        quarantined(soft, gate.checks("sharp"), ["sharp"], gate.split_of())
