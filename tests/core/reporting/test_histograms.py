"""Histograms of the report page: every image of a split is in one bar."""

from itertools import pairwise

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from stages.core.reporting.histograms import MAX_BINS, class_histogram, size_histogram

SIDES = st.integers(1, 6000)
ROWS = st.lists(st.tuples(SIDES, SIDES, st.sampled_from(["train", "val", "test", None])), min_size=1, max_size=60)


@given(ROWS)
def test_every_image_of_a_split_is_in_one_bar(rows):
    """And no bar is longer than the longest; images in no split are in none."""
    manifest = pd.DataFrame(rows, columns=["width", "height", "split"])
    bars = size_histogram(manifest)

    for split in ("train", "val", "test"):
        assert sum(bar[split] for bar in bars) == (manifest["split"] == split).sum()
    assert len(bars) <= MAX_BINS and all(sum(bar["shares"].values()) <= 100.1 for bar in bars)


def test_equal_sizes_are_one_bar():
    """It is named by the size."""
    manifest = pd.DataFrame({"width": [64, 32], "height": [64, 64], "split": ["train", "test"]})

    assert [(bar["label"], bar["train"], bar["test"]) for bar in size_histogram(manifest)] == [("64 px", 1, 1)]


def test_ranges_do_not_overlap():
    """Each begins where the one before ends."""
    manifest = pd.DataFrame({"width": [10, 500, 999], "height": [1, 1, 1], "split": ["train"] * 3})
    ends = [label.removesuffix(" px").split("–") for label in (bar["label"] for bar in size_histogram(manifest))]

    assert all(int(low[0]) == int(high[-1]) + 1 for high, low in pairwise(ends))
    assert ends[0][0] == "10" and ends[-1][-1] == "999"


def test_a_class_has_its_parts_by_split():
    """In percent of the longest bar."""
    classes = [{"label": "cat", "n_images": 10, "train": 6, "val": 2, "test": 2}]
    classes += [{"label": "dog", "n_images": 5, "train": 5, "val": 0, "test": 0}]
    bars = class_histogram(classes)

    assert bars[0]["shares"] == {"train": 60.0, "val": 20.0, "test": 20.0} and bars[1]["shares"]["train"] == 50.0
