"""The gate: what is usable, what is one cluster, what goes into quarantine, and the verdict."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.core.errors import UserError
from stages.core.gate.findings import Finding, verdict
from stages.core.gate.gating import NO_PAIRS, clusters, inspect, quarantined
from stages.core.ingest.source import Member, Source
from tests import gate

PICTURE = gate.picture(0, 90)
PNG, BMP = gate.encoded(PICTURE, "png"), gate.encoded(PICTURE, "bmp")
BLANK = gate.encoded(np.full((48, 48, 3), 99, np.uint8))


def planted():
    """The clean set in predefined folders, with a fault for each check that names images."""
    folders = ("train", "train", "val", "test", "train")
    files = {f"{folders[int(name[4:7]) % 5]}/{name}": data for name, data in gate.clean().items()}
    return files | {
        "train/ash/empty.jpg": b"",
        "train/elm/blank.jpg": BLANK,
        "train/ash/leak.png": PNG,
        "test/ash/kept.bmp": BMP,
        "train/ash/two.jpg": gate.jpeg(0, 91),
        "train/oak/two.jpg": gate.jpeg(0, 91),
        "val/elm/first.jpg": gate.jpeg(1, 92),
        "val/elm/second.jpg": gate.jpeg(1, 92),
        "val/elm/third.jpg": gate.jpeg(1, 92),
    }


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    """The planted set, measured and divided."""
    return gate.subject(tmp_path_factory.mktemp("set"), planted())


def names(images):
    return sorted(images["path"])


GONE = {
    "readable": ["train/ash/empty.jpg"],
    "contrasted": ["train/elm/blank.jpg"],
    "no_leaks": ["train/ash/leak.png"],
    "no_conflicts": ["train/ash/two.jpg", "train/oak/two.jpg"],
    "no_copies": ["train/ash/leak.png", "val/elm/second.jpg", "val/elm/third.jpg"],
}


@pytest.mark.parametrize("check", GONE)
def test_quarantine_takes_what_breaks_a_check(subject, check):
    """Exactly those leave every split, the rest keep theirs, and the check then passes.

    The held-out copy of a leak stays, as does the first of equal pictures.
    """
    left = quarantined(subject, gate.shipped().checks, [check], gate.split_of())
    images = left.images

    assert names(images[images["quarantine"] == check]) == GONE[check] == names(images[images["quarantine"].notna()])
    assert images.loc[images["quarantine"].notna(), "split"].isna().all()
    others = images[images["quarantine"].isna()]
    pd.testing.assert_series_equal(others["split"], subject.images.loc[others.index, "split"])
    assert gate.broken(inspect(left, gate.checks(check)), check) == []


def test_an_image_without_label_may_go_too(tmp_path):
    """What a table could not match is in quarantine rather than in no split without a word."""
    members = [Member(name.replace("/", "-"), lambda data=data: data, name[:3]) for name, data in gate.clean().items()]
    members.append(Member("odd.jpg", lambda: PNG, note="no label"))
    subject = gate.subject(tmp_path, Source({}, members, labels="table"))
    left = quarantined(subject, gate.shipped().checks, ["labelled"], gate.split_of())

    assert names(left.images[left.images["quarantine"] == "labelled"]) == ["odd.jpg"]
    assert gate.broken(inspect(left, gate.checks("labelled")), "labelled") == []


@given(st.permutations(sorted(GONE)), st.integers(1, len(GONE)))
@settings(max_examples=8, deadline=None)
def test_the_order_of_quarantine_changes_nothing(subject, order, n):
    """The same images go for the same checks in whatever order these are named: what breaks any of them, and only that."""
    asked = order[:n]
    images = quarantined(subject, gate.shipped().checks, asked, gate.split_of()).images
    again = quarantined(subject, gate.shipped().checks, sorted(asked), gate.split_of()).images

    pd.testing.assert_frame_equal(images, again)
    assert names(images[images["quarantine"].notna()]) == sorted({path for check in asked for path in GONE[check]})


def test_of_copies_one_stays(subject):
    """The held-out twin of a leak, though two checks name the pair."""
    images = quarantined(subject, gate.shipped().checks, ["no_leaks", "no_copies"], gate.split_of()).images

    assert images.set_index("path")["quarantine"].isna()["test/ash/kept.bmp"]


def test_a_leak_hides_no_conflict(tmp_path):
    """A picture in train as ash and in test as oak: both labels are contested, and neither stays to be measured with."""
    files = {f"{'test' if int(name[4:7]) > 15 else 'train'}/{name}": data for name, data in gate.clean().items()}
    files |= {"train/ash/two.jpg": gate.jpeg(0, 91), "test/oak/two.jpg": gate.jpeg(0, 91)}
    left = quarantined(
        gate.subject(tmp_path, files), gate.shipped().checks, ["no_leaks", "no_conflicts"], gate.split_of()
    )

    assert names(left.images[left.images["quarantine"].notna()]) == ["test/oak/two.jpg", "train/ash/two.jpg"]


def test_a_check_of_the_whole_set_has_nothing_to_leave_out(subject):
    """Naming it would change nothing, silently."""
    with pytest.raises(UserError, match="quarantine: balanced judges the set as a whole"):
        quarantined(subject, gate.shipped().checks, ["balanced"], gate.split_of())


def test_quarantine_may_not_empty_a_class(tmp_path):
    """A class whose images are all damaged does not vanish without a word."""
    files = gate.clean() | {f"rot/{i}.jpg": b"no image" for i in range(12)}
    with pytest.raises(UserError, match="leaves no image of class 'rot'"):
        quarantined(gate.subject(tmp_path, files), gate.shipped().checks, ["readable"], gate.split_of())


def test_an_empty_list_leaves_all(subject):
    """Nothing is left out unless it was asked for."""
    assert quarantined(subject, gate.shipped().checks, [], gate.split_of()) is subject
    assert subject.images["quarantine"].isna().all()


def test_quarantine_frees_a_place_in_the_split(tmp_path):
    """Without predefined splits the quota is met by what is left."""
    files = gate.clean() | {f"ash/bad{i}.png": BLANK + bytes(i) for i in range(1)}
    left = quarantined(gate.subject(tmp_path, files), gate.shipped().checks, ["contrasted"], gate.split_of())

    pd.testing.assert_series_equal(
        left.images.loc[left.usable.index, "split"].reset_index(drop=True),
        gate.subject(tmp_path, gate.clean()).images["split"],
    )


def test_what_is_not_usable_is_in_no_split(subject):
    """An empty file; all the others are in one."""
    assert names(subject.images[~subject.images["usable"]]) == ["train/ash/empty.jpg"]
    assert (subject.images["split"].notna() == subject.images["usable"]).all()


def test_an_image_is_named_once_a_check(subject):
    """Though it breaks several promises of it; numbers of the set name none."""
    found = inspect(subject, gate.checks())

    assert all(rows.index.is_unique for rows in found.offenders.values())
    assert set(GONE) <= set(found.offenders) and not set(found.offenders) & {"balanced", "even_splits", "no_shortcut"}
    assert [item.check for item in found.findings] == sorted(
        (item.check for item in found.findings), key=list(gate.shipped().checks).index
    )


def test_a_finding_says_what_can_be_done(subject):
    """Of images: to put them in quarantine. Examples are bounded."""
    (finding,) = gate.broken(inspect(subject, gate.checks("readable")), "readable")

    assert "quarantine: [readable]" in finding.remedy and finding.examples == ["train/ash/empty.jpg"]


@pytest.mark.parametrize(
    ("broken", "outcome"),
    [
        ([], "pass"),
        (["info"], "pass"),
        (["warning", "info"], "warn"),
        (["info", "critical", "warning"], "fail"),
        (["critical"], "fail"),
    ],
)
def test_the_worst_broken_promise_is_the_verdict(broken, outcome):
    """A kept critical promise fails nothing."""
    kept = [Finding("a", severity, True, 0, 0, "") for severity in ("critical", "warning", "info")]

    assert verdict(kept + [Finding("b", severity, False, 1, 0, "") for severity in broken]) == outcome


NEAR = gate.shipped().tree.split.near_copies.model_copy(update={"max_cluster_share": 0.1, "max_cluster_size": 2})


def clustered(n_each, *pairs, near=NEAR):
    """`near` and `cluster_share` by hand of n images in each of two classes and these pairs of rows."""
    images = pd.DataFrame(
        {"path": [f"{label}/{i}" for label in "ab" for i in range(n_each)], "label": ["a"] * n_each + ["b"] * n_each}
    )
    first, second = (np.array(rows, np.int64) for rows in (zip(*sorted(pairs), strict=True) if pairs else ((), ())))
    found = clusters(images, replace(NO_PAIRS, first=first, second=second), near)
    return found["near"].fillna("").tolist(), found["cluster_share"].tolist()


def test_a_small_cluster_is_a_group():
    """Three of thirty are at the share, and two of five at the size: each carries its leader's path."""
    near, share = clustered(30, (0, 1), (0, 2))
    assert near[:4] == ["a/0", "a/0", "a/0", ""] and share[:4] == pytest.approx([0.1, 0.1, 0.1, 0])

    near, share = clustered(5, (3, 4))
    assert near[3:5] == ["a/3", "a/3"] and share[3:5] == pytest.approx([0.4, 0.4])


def test_a_large_cluster_is_a_finding():
    """Three of twenty-nine are over both limits: they have a share and no leader."""
    near, share = clustered(29, (0, 1), (0, 2))

    assert set(near) == {""} and share[:3] == pytest.approx([3 / 29] * 3) and not any(share[3:])


def test_a_cluster_across_classes_is_kept_or_not_as_one():
    """Its share of a class is that of its members there, and the largest decides for all of them."""
    near, share = clustered(29, (0, 1), (0, 30), (0, 31), (0, 32))
    assert set(near) == {""}  # 3 of 29 are over the limit, though 2 of 29 are not
    assert [share[row] for row in (0, 1, 30, 31, 32)] == pytest.approx([2 / 29] * 2 + [3 / 29] * 3)

    near, _ = clustered(30, (0, 1), (0, 30), (0, 31), (0, 32))
    assert [near[row] for row in (0, 1, 30, 31, 32)] == ["a/0"] * 5


def test_without_pairs_there_is_no_cluster():
    """Nor where near copies are not looked for."""
    assert clustered(3) == ([""] * 6, [0.0] * 6) == clustered(3, near=None)
