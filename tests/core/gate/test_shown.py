"""What the page of the gate shows beside a finding: one unit, and what a picture was taken for."""

import pandas as pd
import pytest

from stages.core.gate.findings import Finding
from stages.core.gate.gating import shown
from stages.core.gate.promises import Promise, in_one_unit
from tests import gate


def promise(**bounds):
    """A promise with these bounds."""
    return Promise("text", "sharpness", "warning", lambda bad, observed: "", **bounds)


@pytest.mark.parametrize(
    ("bounds", "observed", "of_images", "expected"),
    [
        ({"maximum": 0}, 3, True, ("3 images", "0 images")),
        ({"minimum": 0.33}, 1, True, ("1 image", "0 images; each at least 0.33")),
        ({"maximum": 8192}, 1200, True, ("1,200 images", "0 images; each at most 8,192")),
        ({"among": ("RGB", "L")}, 2, True, ("2 images", "0 images; each one of RGB, L")),
        ({"maximum": 1.5}, 1.0523, False, ("1.052", "at most 1.5")),
        ({"minimum": 2, "maximum": 9}, 10, False, ("10", "at least 2 and at most 9")),
    ],
)
def test_observed_and_allowed_have_one_unit(bounds, observed, of_images, expected):
    """Both count images, or both are the number of the set."""
    assert in_one_unit(promise(**bounds), observed, of_images) == expected


def test_a_doubted_label_is_shown_with_what_it_looks_like(tmp_path):
    """Each picture has its label and the suggested one, in the order of the examples."""
    files = gate.clean(30) | {f"ash/wrong{n}.jpg": gate.jpeg(1, 700 + n) for n in range(3)}
    finding = gate.one(gate.inspected(tmp_path, files, "label_noise"), "label_noise")

    assert len(finding.captions) == len(finding.examples)
    wrong = [text for path, text in zip(finding.examples, finding.captions, strict=True) if "wrong" in path]
    assert wrong and set(wrong) == {"ash; suggested: elm"}


def test_a_number_of_the_set_has_no_captions():
    """Nor has a promise that holds."""
    kept = shown(Finding("enough", "critical", True, 3, 2, "text"), promise(minimum=2), pd.DataFrame())

    assert (kept.found, kept.allowed, kept.captions) == ("3", "at least 2", [])
