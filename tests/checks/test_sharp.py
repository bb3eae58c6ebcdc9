"""sharp: blurred images are named, and a set that is soft as a whole is told."""

from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.checks.sharp import measure
from stages.core.errors import UserError
from stages.core.gate.gating import quarantined
from stages.core.gate.looks import crispness
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
    """When every image is blurred it is one sentence about the set, and no image is named."""
    found = gate.inspected(tmp_path, {name: blurred(data) for name, data in gate.clean(12).items()}, "sharp")
    whole = gate.one(found, "sharp")

    assert whole.severity == "warning" and whole.observed < whole.limit and whole.examples == []
    assert "half of them have a crispness below" in whole.message
    assert gate.offenders(found, "sharp") == []


def test_quarantine_refuses_what_names_much_of_the_set(tmp_path):
    """15 of 75 images would go; the limit is what a user raises who wants it so."""
    files = gate.clean() | {f"elm/soft{i}.jpg": blurred(gate.jpeg(1, 90 + i)) for i in range(15)}
    some = gate.subject(tmp_path, files)

    with pytest.raises(UserError, match=r"quarantine: sharp names 15 images.*checks\.sharp\.max_named_share"):
        quarantined(some, gate.checks("sharp"), ["sharp"], gate.split_of())


def drawn_digits(n, sigma):
    """Numerals in strokes on black, softened as by a lens: uint8 [28, 28] each."""
    rng = np.random.default_rng(3)
    large = [np.zeros((224, 224), np.uint8) for _ in range(n)]
    for i, canvas in enumerate(large):
        thickness = int(rng.integers(12, 34))
        cv2.putText(canvas, str(i % 10), (42, 182), cv2.FONT_HERSHEY_SIMPLEX, 7, 255, thickness, cv2.LINE_AA)
    return [cv2.GaussianBlur(cv2.resize(each, (28, 28), interpolation=cv2.INTER_AREA), (0, 0), sigma) for each in large]


def judged(pictures):
    """Which of these grey pictures are called blurred, by the shipped limits: bool [n]."""
    rows = pd.DataFrame({"crispness": [crispness(y) for y in pictures], "contrast": [y.std() for y in pictures]})
    return names(rows.astype("float32")).to_numpy()


def names(rows):
    """Which rows of crispness and contrast are called blurred, by the shipped limits: a column of bool."""
    return measure(SimpleNamespace(images=rows), gate.checks("sharp")["sharp"].options)["blurred"] > 0


def test_no_image_of_a_soft_grey_set_is_blurred_but_those_that_are():
    """Digits with a crispness around 0.33, the limit of 0.1, which named about half of them; three are blurred."""
    pictures = drawn_digits(120, sigma=0.9)
    assert 0.2 < np.mean([crispness(y) < 0.33 for y in pictures]) < 0.9
    assert not judged(pictures).any()

    for i in (5, 50, 77):
        pictures[i] = cv2.GaussianBlur(pictures[i], (0, 0), 2)
    assert np.flatnonzero(judged(pictures)).tolist() == [5, 50, 77]


def test_blur_that_an_absolute_limit_lets_through_is_found_in_a_crisp_set():
    """A crispness of 0.36 is half of what this set has."""
    rows = pd.DataFrame({"crispness": np.r_[np.linspace(0.7, 0.8, 60), 0.36], "contrast": 40.0})

    assert np.flatnonzero(names(rows)).tolist() == [60]


def test_a_set_of_many_kinds_needs_more_to_call_an_image_blurred():
    """By hand: log crispness is 0 or +-log 2 off the median; 4 x 1.4826 x log 2 below it is 1/61 of it."""
    few = pd.DataFrame({"crispness": np.r_[[0.2] * 30, [0.4] * 21, [0.8] * 30, 0.05, 0.006], "contrast": 40.0})

    assert np.flatnonzero(names(few)).tolist() == [82]


@pytest.mark.parametrize("values", [[], [0.0], [0.0, 0.0, 0.7], [0.7], [0.7, 0.7, 0.7]])
def test_too_little_to_compare_with_names_none(values):
    """No image, one, equal ones, and a set that is mostly without any edge."""
    assert not names(pd.DataFrame({"crispness": values, "contrast": 40.0})).any()


@settings(max_examples=30, deadline=None)
@given(scale=st.floats(0.4, 1.0), seed=st.integers(0, 2**32 - 1))
def test_neither_contrast_nor_the_order_of_rows_changes_who_is_blurred(scale, seed):
    """Property: all pictures at a share of their contrast, in another order, and the same are named."""
    pictures = drawn_digits(40, sigma=0.6)
    pictures[7] = cv2.GaussianBlur(pictures[7], (0, 0), 2)
    order = np.random.default_rng(seed).permutation(len(pictures))

    again = judged([np.round(20 + scale * pictures[i].astype(np.float64)).clip(0, 255).astype(np.uint8) for i in order])

    assert order[np.flatnonzero(again)].tolist() == [7]


@given(
    values=st.lists(st.floats(0, 1), min_size=1, max_size=40),
    blurred=st.floats(0, 1),
)
def test_a_crisper_image_is_never_blurred_where_a_softer_one_is_not(values, blurred):
    """Property: there is one limit to a set, and it lies below the median."""
    rows = pd.DataFrame({"crispness": [*values, blurred], "contrast": 40.0})
    found = names(rows)
    named, rest = rows["crispness"][found], rows["crispness"][~found]

    assert len(rest) and (not len(named) or named.max() < rest.min())
    assert found.mean() <= 0.5
