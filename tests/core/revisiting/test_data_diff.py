"""What became of the images between two manifests, as a pure function."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.revisiting.data_diff import COLUMNS, KINDS, changed_facts, difference, sentence, summary

ROW = st.tuples(
    st.sampled_from("abcdefgh"),  # path
    st.sampled_from(["1", "2", "3", "4", None]),  # sha256: some are copies, some are nowhere
    st.sampled_from(["cat", "dog", None]),
    st.sampled_from(["train", "val", "test", None]),
    st.sampled_from([None, "readable"]),
)
MANIFESTS = st.lists(ROW, unique_by=lambda row: row[0], max_size=8).map(
    lambda rows: pd.DataFrame(rows, columns=COLUMNS).astype("str")
)


def table(*rows):
    """A manifest of (path, sha256, label, split, quarantine)."""
    return pd.DataFrame(rows, columns=COLUMNS).astype("str")


def told(old, new):
    """{kind: sentences}."""
    found = difference(old, new)
    return {kind: [sentence(row) for row in rows.to_dict("records")] for kind, rows in found.groupby("kind")}


OLD = table(("cat/1.png", "a", "cat", "train", None), ("dog/2.png", "b", "dog", "val", None))


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (OLD, {}),
        (table(*OLD.itertuples(index=False), ("dog/3.png", "c", "dog", "train", None)), {"added": ["dog/3.png (train)"]}),
        (OLD[1:], {"removed": ["cat/1.png (train)"]}),
        (OLD.replace("a", "z"), {"changed": ["cat/1.png: other bytes"]}),
        (OLD.replace("cat/1.png", "cat/9.png"), {"renamed": ["cat/1.png -> cat/9.png"]}),
        (OLD.replace("val", "test"), {"moved": ["dog/2.png: val -> test"]}),
        (OLD.replace("dog", "wolf"), {"relabelled": ["dog/2.png: dog -> wolf"]}),
        (
            table(("dog/1.png", "a", "dog", "train", None), ("dog/2.png", "b", "dog", "val", None)),
            {"renamed": ["cat/1.png -> dog/1.png"], "relabelled": ["dog/1.png: cat -> dog"]},
        ),
        (
            table(("cat/1.png", "a", "cat", "train", None), ("dog/2.png", "b", "dog", None, "no_copies")),
            {"quarantined": ["dog/2.png: for no_copies"]},
        ),
    ],
    ids=["nothing", "added", "removed", "changed", "renamed", "moved", "relabelled", "to another folder", "quarantined"],
)  # fmt: skip
def test_each_kind_by_hand(new, expected):
    """One change, one line; an image that went to another class folder was renamed and relabelled."""
    assert told(OLD, new) == expected


def test_an_image_let_in_again_says_why_it_was_out():
    """The other way round."""
    out = table(("dog/2.png", "b", "dog", None, "no_copies"))

    assert told(out, OLD[1:]) == {"let in": ["dog/2.png: was out for no_copies"]}


def test_copies_are_renamed_one_by_one():
    """Three equal files become two: two were renamed, one is gone."""
    old = table(*((f"old/{i}.png", "a", "cat", "train", None) for i in range(3)))
    new = table(*((f"new/{i}.png", "a", "cat", "train", None) for i in range(2)))

    assert told(old, new) == {
        "renamed": ["old/0.png -> new/0.png", "old/1.png -> new/1.png"],
        "removed": ["old/2.png (train)"],
    }


@given(MANIFESTS)
def test_a_manifest_does_not_differ_from_itself(manifest):
    """Whatever is missing in it."""
    assert difference(manifest, manifest).empty


@given(MANIFESTS, MANIFESTS)
def test_every_image_is_accounted_for(old, new):
    """What came and went is what the numbers of images say, and no image is named twice in a kind."""
    found = difference(old, new)
    n = found["kind"].value_counts()

    assert len(old) - n.get("removed", 0) + n.get("added", 0) == len(new)
    assert set(found["kind"]) <= set(KINDS) and not found.duplicated(["kind", "old_path", "new_path"]).any()
    assert set(found["old_path"].dropna()) <= set(old["path"]) and set(found["new_path"].dropna()) <= set(new["path"])


@given(MANIFESTS, MANIFESTS)
def test_the_way_back_is_the_way_there_reversed(old, new):
    """Added is removed seen from the other side, and so on."""
    other = {"added": "removed", "removed": "added", "quarantined": "let in", "let in": "quarantined"}
    there = difference(old, new)["kind"].value_counts().to_dict()
    back = difference(new, old)["kind"].value_counts().to_dict()

    assert {other.get(kind, kind): n for kind, n in there.items()} == back


@given(MANIFESTS, MANIFESTS)
def test_an_image_without_a_change_is_not_named(old, new):
    """Equal rows of both sides are in no row of the difference."""
    same = set(old.itertuples(index=False, name=None)) & set(new.itertuples(index=False, name=None))
    found = difference(old, new)

    assert not set(found["new_path"]) & {row[0] for row in same if all(isinstance(value, str) for value in row[:2])}


def test_the_summary_counts_by_class_and_kind():
    """Kinds stand in one order, and the last row is the sum."""
    new = table(("dog/1.png", "a", "dog", "train", None), ("dog/3.png", "c", "dog", "val", None))
    counts = summary(difference(OLD, new))

    assert list(counts.columns) == ["added", "removed", "renamed", "relabelled"]
    assert counts.loc["dog"].to_dict() == {"added": 1, "removed": 1, "renamed": 1, "relabelled": 1}
    assert counts.loc["all"].sum() == 4


def test_only_facts_that_changed_are_told():
    """Also those that one side hasn't got."""
    facts = changed_facts({"uri": "a", "licence": "MIT", "n_images": 3}, {"uri": "a", "licence": None, "citation": "x"})

    assert facts == [("citation", None, "x"), ("licence", "MIT", None), ("n_images", 3, None)]
