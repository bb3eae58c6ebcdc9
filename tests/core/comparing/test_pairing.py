"""Images are recognised by their pixels, by their path where they must be, and never compared with other ones."""

import pandas as pd
import pytest

from stages.core.comparing.flips import GAINED, LOST, OTHER, changed_cells, difference_matrix, flips
from stages.core.comparing.pairing import BY_PATH, BY_PIXELS, Recognition, paired, refused
from stages.core.comparing.sides import judgement
from stages.core.errors import UserError
from tests.core.comparing.built import side


def matched(a, b, *hashes):
    """Both, by these hashes (path -> hash) of each side, else by path."""
    by_path = tuple(pd.Series(one, dtype=object) for one in hashes)
    known = Recognition(BY_PIXELS, by_path) if hashes else Recognition(BY_PATH)
    return paired(judgement(a, "test"), judgement(b, "test"), "test", known)


def test_a_renamed_image_is_the_same(tmp_path):
    """By its pixels, in whatever order; an image with another file of the same name is not."""
    a = side(tmp_path, "a", [0, 1, 1], [0, 1, 0], paths=["x", "y", "z"])
    b = side(tmp_path, "b", [1, 0, 1], [1, 1, 1], paths=["new", "x", "z"])
    found = matched(a, b, {"x": "1", "y": "2", "z": "3"}, {"new": "2", "x": "1", "z": "4"})

    assert found.paths == (["x", "y"], ["x", "new"])
    assert found.a.truth.tolist() == [0, 1] == found.b.truth.tolist()
    assert found.b.predicted.tolist() == [[1, 1]]
    assert (found.only_a, found.only_b, found.relabelled, found.same_images) == (1, 1, 0, False)


def test_copies_are_matched_one_by_one(tmp_path):
    """Two images of equal pixels in A and three in B: two are in common."""
    a = side(tmp_path, "a", [0, 0], [0, 0], paths=["x", "y"])
    b = side(tmp_path, "b", [0, 0, 0], [0, 0, 0], paths=["x", "y", "z"])
    found = matched(a, b, {"x": "1", "y": "1"}, {"x": "1", "y": "1", "z": "1"})

    assert len(found.paths[0]) == 2 and (found.only_a, found.only_b) == (0, 1)


def test_an_image_of_another_class_is_another_question(tmp_path):
    """Its answers can't be compared: it is counted and left out."""
    found = matched(side(tmp_path, "a", [0, 1], [0, 1]), side(tmp_path, "b", [0, 0], [0, 0]))

    assert found.paths[0] == ["000.png"] and found.relabelled == 1 and not found.same_images
    assert "1 in common" in str(refused(found)) and "1 have another class in B" in str(refused(found))
    assert "paths and classes alone" in str(refused(found))


def test_classes_are_matched_by_name(tmp_path):
    """B knows a class more, which stands between the others: its ids are others, its answers are not."""
    a = side(tmp_path, "a", [0, 1], [0, 0], classes=["cat", "dog"])
    b = side(tmp_path, "b", [0, 2], [1, 2], classes=["cat", "cow", "dog"])
    found = matched(a, b)
    rows = flips(found).set_index("path")

    assert found.classes == ["cat", "cow", "dog"] and found.a.truth.tolist() == [0, 2]
    assert found.probabilities[0][:, 1].tolist() == [0, 0]
    assert list(rows.loc["000.png", ["kind", "true", "a", "b"]]) == [LOST, "cat", "cat", "cow"]
    assert list(rows.loc["001.png", ["kind", "true", "a", "b"]]) == [GAINED, "dog", "cat", "dog"]


def test_nothing_in_common_is_an_error(tmp_path):
    """With or without --intersection there is nothing to compare."""
    a, b = side(tmp_path, "a", [0], [0], paths=["x"]), side(tmp_path, "b", [0], [0], paths=["y"])
    with pytest.raises(UserError, match="no test image in common"):
        matched(a, b)
    with pytest.raises(UserError, match="another class: nothing is compared"):
        matched(side(tmp_path, "c", [0], [0]), side(tmp_path, "d", [1], [1]))


def test_flips_by_hand(tmp_path):
    """Right and wrong in all ways, with three classes; lost ones first; the matrix adds up to nothing in every row."""
    names = ["cat", "cow", "dog"]
    a = side(tmp_path, "a", [0, 0, 1, 1, 2, 2], [0, 0, 2, 1, 0, 1], classes=names)
    b = side(tmp_path, "b", [0, 0, 1, 1, 2, 2], [0, 1, 1, 1, 1, 1], classes=names)
    found = matched(a, b)

    assert flips(found)[["kind", "path", "a", "b"]].to_numpy().tolist() == [
        [LOST, "001.png", "cat", "cow"],
        [GAINED, "002.png", "dog", "cow"],
        [OTHER, "004.png", "cat", "cow"],
    ]
    assert difference_matrix(found).tolist() == [[-1, 1, 0], [0, 1, -1], [-1, 1, 0]]
    cells = changed_cells(found, 2)
    assert len(cells) == 2 and set(cells["true"]) <= set(names) and (cells["true"] != cells["predicted"]).all()
