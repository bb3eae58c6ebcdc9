"""companion_files: masks that lie beside their images are no images of a class."""

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from stages.checks.companion_files import companion_endings
from tests import gate


def endings(*paths):
    """The ending of each path."""
    return list(companion_endings(pd.Series(list(paths))))


def test_masks_beside_images_are_named(tmp_path):
    """As in sets for segmentation: half of the files would become images of the class, in train and in test."""
    files = gate.clean()
    masks = {
        f"{path.removesuffix('.jpg')}_mask.png": gate.encoded(gate.picture(9, n), "png") for n, path in enumerate(files)
    }
    found = gate.inspected(tmp_path, files | masks, "companion_files")

    assert gate.offenders(found, "companion_files") == sorted(masks)
    assert "quarantine: [companion_files]" in gate.one(found, "companion_files").message


def test_an_ending_that_few_images_have_is_an_accident(tmp_path):
    """One edited picture among many is no finding; copies of it are found by their pixels."""
    files = gate.clean() | {"ash/000-edited.jpg": gate.jpeg(0, 999)}

    assert gate.offenders(gate.inspected(tmp_path, files, "companion_files"), "companion_files") == []


def test_what_is_an_ending():
    """A separator and something with a letter, after the name of another file of the same folder."""
    assert endings("a/x (1).png", "a/x (1)_mask.png", "a/x (1)_mask_1.png") == ["", "_mask", "_mask_1"]
    assert endings("a/img1.png", "a/img10.png", "a/img1_2.png") == ["", "", ""]
    assert endings("a/cat.png", "a/cats.png", "b/cat_mask.png") == ["", "", ""]


@given(st.lists(st.from_regex(r"[a-c]/[a-z]{1,3}\d{0,2}", fullmatch=True), unique=True, max_size=20))
def test_names_of_letters_and_numbers_are_no_companions(stems):
    """Whatever numbering a set has."""
    assert set(endings(*[f"{stem}.jpg" for stem in stems])) <= {""}
