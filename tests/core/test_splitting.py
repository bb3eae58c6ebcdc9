"""Splits: copies and groups stay together, quotas are met, and little moves when images are added."""

import hashlib

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.options import Split
from stages.core.splitting import assign_splits, units

SPLIT = Split(seed=1, val_fraction=0.2, test_fraction=0.2)
seeds = st.integers(1, 2**31 - 1)


def manifest(labels, pixels=None, groups=None, given_splits=None, errors=None):
    """Make a manifest with one row a label; by default every image differs from every other."""
    n_rows = len(labels)
    pixels = range(n_rows) if pixels is None else pixels
    return pd.DataFrame(
        {
            "label": labels,
            "pixel_sha256": [hashlib.sha256(str(key).encode()).hexdigest() for key in pixels],
            "group": groups or [None] * n_rows,
            "given_split": given_splits or [None] * n_rows,
            "error": errors or [None] * n_rows,
        }
    ).astype({"group": "str", "given_split": "str", "error": "str"})


@st.composite
def manifests(draw):
    """Up to 60 images of 3 classes with copies, groups and unreadable ones."""
    n_rows = draw(st.integers(1, 60))

    def column(values):
        return draw(st.lists(values, min_size=n_rows, max_size=n_rows))

    return manifest(
        column(st.sampled_from("abc")),
        column(st.integers(0, 80)),
        column(st.sampled_from([None, None, None, "g1", "g2", "g3", "g4"])),
        None,
        column(st.sampled_from([None, None, None, None, "the file is empty"])),
    )


@given(manifests(), seeds)
def test_equal_images_share_a_split(rows, seed):
    """No image, and no copy of it, stands in two splits."""
    split = assign_splits(rows, SPLIT.model_copy(update={"seed": seed}))

    assert split.groupby(rows["pixel_sha256"]).nunique().max() <= 1


@given(manifests(), seeds)
def test_a_group_shares_a_split(rows, seed):
    """All readable images of a group stand in one split."""
    split = assign_splits(rows, SPLIT.model_copy(update={"seed": seed}))

    assert split.groupby(rows["group"]).nunique().fillna(0).max() in (0, 1) or rows["group"].isna().all()


@given(manifests(), seeds)
def test_readable_images_have_a_split_and_others_none(rows, seed):
    """Every readable image is in train, val or test, an unreadable one in none."""
    split = assign_splits(rows, SPLIT.model_copy(update={"seed": seed}))

    assert (split.isna() == rows["error"].notna()).all()
    assert set(split.dropna()) <= {"train", "val", "test"}


@given(manifests(), seeds)
def test_the_same_seed_gives_the_same_split(rows, seed):
    """The split is a function of the manifest and the seed; the order of the rows has no say."""
    split = SPLIT.model_copy(update={"seed": seed})
    shuffled = rows.sample(frac=1, random_state=1)

    pd.testing.assert_series_equal(assign_splits(rows, split), assign_splits(shuffled, split).sort_index())


def test_links_reach_across_pixels_and_groups():
    """Rows joined by a group, then by equal pixels, then by another group are one unit; a fifth row is not."""
    rows = manifest(list("aaaaa"), [1, 2, 2, 3, 4], ["x", "x", "y", "y", None])

    unit = units(rows)

    assert unit.nunique() == 2
    assert unit[:4].nunique() == 1
    assert unit[0] == rows["pixel_sha256"][:4].min()


@given(st.integers(5, 200), st.integers(5, 200), st.floats(0.01, 0.45), st.floats(0, 0.45), seeds)
def test_quotas_are_met_in_each_class(n_a, n_b, val, test, seed):
    """Without copies, each class gives exactly its rounded share, and at least one image of any share."""
    rows = manifest(["a"] * n_a + ["b"] * n_b)

    split = assign_splits(rows, Split(seed=seed, val_fraction=val, test_fraction=test))

    for label, n in (("a", n_a), ("b", n_b)):
        counts = split[rows["label"] == label].value_counts()
        assert counts.get("val", 0) == max(1, round(val * n))
        assert counts.get("test", 0) == (max(1, round(test * n)) if test else 0)


@given(st.lists(st.integers(1, 6), min_size=12, max_size=40), seeds)
def test_quotas_are_met_within_one_unit(sizes, seed):
    """With units of up to 6 copies a split holds its quota and less than a unit more."""
    pixels = [key for key, size in enumerate(sizes) for _ in range(size)]
    rows = manifest(["a"] * len(pixels), pixels)

    counts = assign_splits(rows, SPLIT.model_copy(update={"seed": seed})).value_counts()

    for name in ("val", "test"):
        wanted = max(1, round(0.2 * len(pixels)))
        assert wanted <= counts[name] < wanted + max(sizes)


@given(st.integers(10, 150), st.integers(1, 5), seeds)
def test_adding_images_moves_few_others(n_before, n_added, seed):
    """Each image added moves at most three of those that were there: one for each cut and its quota."""
    split = SPLIT.model_copy(update={"seed": seed})
    before = assign_splits(manifest(["a"] * n_before), split)
    after = assign_splits(manifest(["a"] * (n_before + n_added)), split)

    assert (before != after[:n_before]).sum() <= 3 * n_added


def test_adding_a_class_moves_nothing():
    """A class is cut for itself."""
    before = assign_splits(manifest(["a"] * 30), SPLIT)
    after = assign_splits(manifest(["a"] * 30 + ["b"] * 50), SPLIT)

    assert (before == after[:30]).all()


def test_another_seed_gives_another_split():
    """The seed chooses which images go where."""
    rows = manifest(["a"] * 100)

    assert (assign_splits(rows, SPLIT) != assign_splits(rows, SPLIT.model_copy(update={"seed": 2}))).any()


def test_no_test_fraction_gives_no_test():
    """test_fraction: 0 leaves train and val alone."""
    split = assign_splits(manifest(["a"] * 40), Split(seed=1, val_fraction=0.25, test_fraction=0.0))

    assert split.value_counts().to_dict() == {"train": 30, "val": 10}


@pytest.mark.parametrize("names", [["train", "val", "test"], ["val", "test"], ["test"]])
def test_predefined_val_and_test_are_kept(names):
    """An image from a val or test folder stays there, and no other image joins it."""
    given_splits = [names[i % len(names)] for i in range(60)] + ["train"] * 30
    rows = manifest(["a"] * 90, given_splits=given_splits)

    split = assign_splits(rows, SPLIT)

    for name in set(names) - {"train"}:
        assert (split == name).tolist() == [given == name for given in given_splits]


def test_what_is_not_predefined_is_cut_from_train():
    """With train and test folders, val is a fifth of each train folder, and test stays as it is."""
    rows = manifest(["a"] * 50 + ["a"] * 10, given_splits=["train"] * 50 + ["test"] * 10)

    split = assign_splits(rows, SPLIT)

    assert split.value_counts().to_dict() == {"train": 40, "val": 10, "test": 10}
    assert (split[50:] == "test").all()


def test_all_may_be_predefined_away_from_train():
    """A manifest of only val and test images comes back as it was."""
    rows = manifest(["a"] * 4, given_splits=["val", "val", "test", "test"])

    assert assign_splits(rows, SPLIT).tolist() == ["val", "val", "test", "test"]
