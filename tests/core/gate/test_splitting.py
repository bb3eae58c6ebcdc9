"""Splits: copies and groups stay together, quotas are met, and little moves when images are added."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.core.errors import UserError
from stages.core.gate.draft import ranked
from stages.core.gate.splitting import assign_splits, groups, units
from stages.core.settings.options import GroupBy, Split

NO_GROUPS = GroupBy(column=False, folder=None, regex=None)
SPLIT = Split(seed=1, val_fraction=0.2, test_fraction=0.2, group_by=NO_GROUPS, near_copies=None)
seeds = st.integers(1, 2**31 - 1)


def images(labels, pixels=None, seed=1, **columns):
    """Make one row a label, as the gate knows them; by default every image differs from every other."""
    n_rows = len(labels)
    keys = list(range(n_rows) if pixels is None else pixels)
    hashes = [hashlib.sha256(str(key).encode()).hexdigest() for key in keys]
    order = {text: place for place, text in enumerate(sorted(set(hashes)))}
    table = {name: columns.get(name, [None] * n_rows) for name in ("group", "near", "given_split")}
    return pd.DataFrame(
        {
            "label": labels,
            "usable": columns.get("usable", [True] * n_rows),
            **{name: pd.Series(values, dtype="str") for name, values in table.items()},
            "pixels": np.array([order[text] for text in hashes], np.int64),
            "rank": np.array([ranked(seed, text) for text in hashes], np.uint64),
        }
    )


@st.composite
def sets(draw):
    """Up to 60 images of 3 classes with copies, groups, near copies, predefined splits and unusable ones; any seed."""
    n_rows, seed = draw(st.integers(1, 60)), draw(seeds)

    def column(values):
        return draw(st.lists(values, min_size=n_rows, max_size=n_rows))

    return images(
        column(st.sampled_from("abc")),
        column(st.integers(0, 80)),
        seed,
        group=column(st.sampled_from([None, None, None, "g1", "g2", "g3", "g4"])),
        near=column(st.sampled_from([None, None, None, None, "n1", "n2", "n3"])),
        usable=column(st.sampled_from([True, True, True, True, False])),
    )


@given(sets())
@pytest.mark.parametrize("column", ["pixels", "group", "near"])
def test_what_belongs_together_shares_a_split(column, rows):
    """No image and its copy, no two of a group and no two near copies stand in two splits."""
    split = assign_splits(rows, SPLIT)

    assert split.groupby(rows[column]).nunique().max() in (0, 1) or rows[column].isna().all()


@given(sets())
def test_usable_images_have_a_split_and_others_none(rows):
    """Every usable image is in train, val or test, any other in none."""
    split = assign_splits(rows, SPLIT)

    assert (split.notna() == rows["usable"]).all()
    assert set(split.dropna()) <= {"train", "val", "test"}


@given(sets(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_has_no_say(rows, random):
    """The split is a function of the images, what belongs together, and the seed."""
    order = random.sample(list(rows.index), len(rows))

    pd.testing.assert_series_equal(assign_splits(rows, SPLIT), assign_splits(rows.loc[order], SPLIT).sort_index())


def test_links_reach_across_pixels_groups_and_near_copies():
    """Rows joined by a group, then by equal pixels, then by a near copy are one unit; a fifth row is not."""
    rows = images(list("aaaaa"), [1, 2, 2, 3, 4], group=["x", "x", None, None, None], near=[None, None, "y", "y", None])

    unit = units(rows)

    assert unit.nunique() == 2
    assert unit[:4].nunique() == 1
    assert unit[0] == rows["pixels"][:4].min()


def test_a_group_and_a_cluster_of_one_name_are_two():
    """What a group is called says nothing about near copies."""
    rows = images(list("aaaa"), group=["x", "x", None, None], near=[None, None, "x", "x"])

    assert units(rows).groupby([0, 0, 1, 1]).nunique().tolist() == [1, 1] and units(rows).nunique() == 2


@given(st.integers(5, 200), st.integers(5, 200), st.floats(0.01, 0.45), st.floats(0, 0.45), seeds)
def test_quotas_are_met_in_each_class(n_a, n_b, val, test, seed):
    """Without copies, each class gives exactly its rounded share, and at least one image of any share."""
    rows = images(["a"] * n_a + ["b"] * n_b, seed=seed)

    split = assign_splits(rows, SPLIT.model_copy(update={"val_fraction": val, "test_fraction": test}))

    for label, n in (("a", n_a), ("b", n_b)):
        counts = split[rows["label"] == label].value_counts()
        assert counts.get("val", 0) == max(1, round(val * n))
        assert counts.get("test", 0) == (max(1, round(test * n)) if test else 0)


@given(st.lists(st.integers(1, 6), min_size=12, max_size=40), st.sampled_from(["pixels", "group", "near"]), seeds)
def test_quotas_are_met_within_the_largest_unit(sizes, column, seed):
    """With units of up to 6 images a split holds its quota and less than a unit more."""
    names = [key for key, size in enumerate(sizes) for _ in range(size)]
    together = {column: names if column == "pixels" else list(map(str, names))}
    rows = images(["a"] * len(names), seed=seed, **together)

    counts = assign_splits(rows, SPLIT).value_counts()

    for name in ("val", "test"):
        wanted = max(1, round(0.2 * len(names)))
        assert wanted <= counts[name] < wanted + max(sizes)


@given(st.integers(10, 150), st.integers(1, 5), seeds)
def test_adding_images_moves_few_others(n_before, n_added, seed):
    """Each image added moves at most three of those that were there: one for each cut and its quota."""
    before = assign_splits(images(["a"] * n_before, seed=seed), SPLIT)
    after = assign_splits(images(["a"] * (n_before + n_added), seed=seed), SPLIT)

    assert (before != after[:n_before]).sum() <= 3 * n_added


@settings(max_examples=20)
@given(st.integers(500, 3000), st.integers(0, 2), seeds)
def test_one_per_cent_more_moves_less_than_two(n_before, n_other, seed):
    """In a class of 500 or more, 1 % of new images move less than 2 % of the others, and none of another class."""
    labels = ["b"] * n_other + ["a"] * n_before
    before = assign_splits(images(labels, seed=seed), SPLIT)
    after = assign_splits(images(labels + ["a"] * (n_before // 100), seed=seed), SPLIT)[: len(labels)]

    assert (before != after).sum() < 0.02 * n_before
    assert (before == after)[:n_other].all()


def test_adding_a_class_moves_nothing():
    """A class is cut for itself."""
    before = assign_splits(images(["a"] * 30), SPLIT)
    after = assign_splits(images(["a"] * 30 + ["b"] * 50), SPLIT)

    assert (before == after[:30]).all()


def test_another_seed_gives_another_split():
    """The seed chooses which images go where."""
    labels = ["a"] * 100

    assert (assign_splits(images(labels), SPLIT) != assign_splits(images(labels, seed=2), SPLIT)).any()


def test_no_test_fraction_gives_no_test():
    """test_fraction: 0 leaves train and val alone."""
    split = assign_splits(images(["a"] * 40), SPLIT.model_copy(update={"val_fraction": 0.25, "test_fraction": 0.0}))

    assert split.value_counts().to_dict() == {"train": 30, "val": 10}


@pytest.mark.parametrize("names", [["train", "val", "test"], ["val", "test"], ["test"]])
def test_predefined_val_and_test_are_kept(names):
    """An image from a val or test folder stays there, and no other image joins it."""
    given_split = [names[i % len(names)] for i in range(60)] + ["train"] * 30

    split = assign_splits(images(["a"] * 90, given_split=given_split), SPLIT)

    for name in set(names) - {"train"}:
        assert (split == name).tolist() == [given == name for given in given_split]


def test_what_is_not_predefined_is_cut_from_train():
    """With train and test folders, val is a fifth of each train folder, and test stays as it is."""
    split = assign_splits(images(["a"] * 60, given_split=["train"] * 50 + ["test"] * 10), SPLIT)

    assert split.value_counts().to_dict() == {"train": 40, "val": 10, "test": 10}
    assert (split[50:] == "test").all()


def test_all_may_be_predefined_away_from_train():
    """A set of only val and test images comes back as it was."""
    rows = images(["a"] * 4, given_split=["val", "val", "test", "test"])

    assert assign_splits(rows, SPLIT).tolist() == ["val", "val", "test", "test"]


PATHS = ["train/anna/cat/1.png", "train/anna/dog/p7_2.png", "train/ben/cat/p7_3.png", "cat/4.png"]


def grouped(**by):
    """Groups of PATHS, '' for none; the source itself names a group of the first image."""
    rows = pd.DataFrame({"path": PATHS, "given_group": ["own", None, None, None]})
    return groups(rows, NO_GROUPS.model_copy(update=by)).fillna("").tolist()


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ({}, ["", "", "", ""]),
        ({"column": True}, ["own", "", "", ""]),
        ({"folder": 1}, ["", "", "", "cat"]),
        ({"folder": 2}, ["anna", "anna", "ben", ""]),
        ({"folder": -1}, ["anna/cat", "anna/dog", "ben/cat", "cat"]),
        ({"folder": -2}, ["anna", "anna", "ben", ""]),
        ({"folder": 3}, ["anna/cat", "anna/dog", "ben/cat", ""]),
        ({"regex": "(p[0-9]+)_"}, ["", "p7", "p7", ""]),
        ({"regex": "(anna)|/(ben)/"}, ["anna", "anna", "ben", ""]),
        ({"regex": "^([a-z]+)/(anna)?"}, ["train", "train", "train", "cat"]),  # the first bracket that finds anything
    ],
)
def test_groups_come_from_the_source_a_folder_or_a_pattern(by, expected):
    """A folder is known by the whole path down to it, but for train/ and its like: a group below two of them is one."""
    assert grouped(**by) == expected


@pytest.mark.parametrize(
    ("by", "how"),
    [({"folder": 4}, "folder: 4"), ({"folder": -4}, "folder: -4"), ({"regex": "(q[0-9])"}, r"regex: \(q\[0-9\]\)")],
)
def test_what_finds_no_group_at_all_is_an_error(by, how):
    """A group that was asked for and is not there would divide what belongs together."""
    with pytest.raises(
        UserError, match=rf"params.yaml: split.group_by.{how} finds no group in any path, e.g. train/anna"
    ):
        grouped(**by)


def test_a_column_that_is_not_there_is_none():
    """group_by.column takes what the source gives; most give nothing."""
    rows = pd.DataFrame({"path": PATHS, "given_group": [None] * 4})

    assert groups(rows, NO_GROUPS.model_copy(update={"column": True})).isna().all()
