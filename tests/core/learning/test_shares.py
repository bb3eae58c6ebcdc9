"""Shares of the training images: nested, whole groups, a part of every class, and read as if they were all."""

from itertools import pairwise

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from stages.core.images.packs import Pack, Statistics
from stages.core.learning.shares import Rows, cut_down, nested
from stages.core.training.data import Data

SHARES = [0.1, 0.25, 0.5, 1.0]


@st.composite
def manifests(draw):
    """Rows of 1 to 4 classes, with groups, near copies and equal pixels, none of them over two classes."""
    n = draw(st.integers(4, 60))
    label = draw(st.lists(st.sampled_from("abcd"), min_size=n, max_size=n))
    some = st.one_of(st.none(), st.integers(0, 5))
    parts = {name: draw(st.lists(some, min_size=n, max_size=n)) for name in ("group", "near")}
    pixels = draw(st.lists(st.integers(0, 3 * n), min_size=n, max_size=n))
    frame = pd.DataFrame({"label": label, "pixel_sha256": [f"{k}{p:05d}" for k, p in zip(label, pixels, strict=True)]})
    for name, values in parts.items():
        known = [None if value is None else f"{k}{value}" for k, value in zip(label, values, strict=True)]
        frame[name] = pd.Series(known, dtype="str")
    return frame


@given(manifests(), st.integers(1, 2**31 - 1))
def test_shares_are_nested_whole_and_of_every_class(rows, seed):
    """No group, near copy or equal picture is divided; a class has its share, and less than one group more."""
    found = nested(rows, SHARES, seed)

    assert (found[-1] == np.arange(len(rows))).all()
    for few, more in pairwise(found):
        assert set(few) <= set(more)
    for share, places in zip(SHARES, found, strict=True):
        assert (np.diff(places) > 0).all()
        inside = pd.Series(np.isin(np.arange(len(rows)), places))
        for name in ("group", "near", "pixel_sha256"):
            assert (inside.groupby(rows[name]).nunique() <= 1).all()
        assert (inside.groupby(rows["label"]).mean() >= share - 1e-9).all()
    assert all((one == other).all() for one, other in zip(found, nested(rows, SHARES, seed), strict=True))


def test_without_groups_a_class_has_its_share_to_the_image_and_seeds_draw_others():
    """A quarter of 40 and of 8, rounded up."""
    rows = pd.DataFrame({"label": ["a"] * 40 + ["b"] * 9, "pixel_sha256": [f"{n:03d}" for n in range(49)]})
    rows = rows.assign(group=pd.Series(pd.NA, rows.index, dtype="str"), near=pd.Series(pd.NA, rows.index, dtype="str"))
    (one,), (other,) = (nested(rows, [0.25], seed) for seed in (1, 2))

    assert rows["label"].iloc[one].value_counts().to_dict() == {"a": 10, "b": 3}
    assert set(one) != set(other)


def test_a_share_reads_as_the_rows_that_it_is():
    """Slices and lists of rows, length, shape and type; labels and paths go with them, and test images are hidden."""
    images = np.arange(10 * 4, dtype=np.uint8).reshape(10, 2, 2, 1)
    chosen = np.array([1, 4, 5, 9])
    rows = Rows(images, chosen)
    pack = Pack(images, np.arange(10), [str(n) for n in range(10)])
    cut = cut_down(Data(pack, pack, pack, ["x"], Statistics([0.0], [1.0])), chosen)

    assert (len(rows), rows.shape, rows.dtype) == (4, (4, 2, 2, 1), np.uint8)
    assert (rows[1:3] == images[[4, 5]]).all() and (rows[np.array([3, 0])] == images[[9, 1]]).all()
    assert list(cut.train.labels) == [1, 4, 5, 9] and cut.train.paths == ["1", "4", "5", "9"]
    assert cut.test is None and len(cut.val.labels) == 10
