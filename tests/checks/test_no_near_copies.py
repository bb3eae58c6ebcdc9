"""no_near_copies: nearly the same picture in two splits, in two classes, or filling a class is named."""

import numpy as np
import pytest

from stages.core.gate.gating import inspect
from tests import gate


def near(label, number, light):
    """The same picture, lighter and saved at another quality."""
    return gate.encoded(np.clip(gate.picture(label, number).astype(int) + light, 0, 255).astype(np.uint8), quality=80)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """A set with predefined splits and one fault of each kind."""
    files = {f"{'test' if int(name[4:7]) > 15 else 'train'}/{name}": data for name, data in gate.clean(20).items()}
    files |= {"test/ash/again.jpg": near(0, 3, 9), "train/oak/wrong.jpg": near(1, 4, -9)}
    files |= {f"train/oak/burst{i:02}.jpg": near(2, 5, i - 6) for i in range(11)}
    subject = gate.subject(tmp_path_factory.mktemp("set"), files, near_copies=gate.shipped().tree.split.near_copies)
    return subject, inspect(subject, gate.checks("no_near_copies", *gate.CRITICAL))


def test_each_kind_is_a_warning(found):
    """And nothing else is wrong that is critical."""
    _, inspection = found

    assert [finding.severity for finding in gate.broken(inspection, "no_near_copies")] == ["warning"] * 3
    assert not [item for item in inspection.findings if not item.passed and item.severity == "critical"]


def test_a_near_copy_in_a_more_held_out_split_is_named(found):
    """The one in train, with the one in test that it resembles."""
    leak, _, _ = gate.broken(found[1], "no_near_copies")

    assert leak.examples[0] == "train/ash/003.jpg" and "train/ash/003.jpg ~ test/ash/again.jpg" in leak.message
    assert all(
        path.startswith("train/oak/") for path in leak.examples[1:]
    )  # the crowd below, which is not kept together


def test_a_near_copy_in_another_class_is_named_on_both_sides(found):
    """One of the two labels may be wrong."""
    _, conflict, _ = gate.broken(found[1], "no_near_copies")

    assert conflict.examples == ["train/elm/004.jpg", "train/oak/wrong.jpg"]


def test_a_crowd_is_named_and_not_kept_together(found):
    """Twelve near copies in a class of 32 are more than copies: all but the one they are near to, with their share."""
    subject, inspection = found
    *_, crowd = gate.broken(inspection, "no_near_copies")
    twelve = ["train/oak/005.jpg", *(f"train/oak/burst{i:02}.jpg" for i in range(11))]

    assert crowd.observed == 11 and set(crowd.examples) < set(twelve)
    assert "37.5% of class 'oak'" in crowd.message
    assert subject.images.set_index("path").loc[twelve, "near"].isna().all()


def test_a_pair_is_a_group(found):
    """Two near copies carry the name of one of them, and no other image does."""
    near = found[0].images.set_index("path")["near"].dropna()

    assert sorted(near.index) == ["test/ash/again.jpg", "train/ash/003.jpg", "train/elm/004.jpg", "train/oak/wrong.jpg"]
    assert (
        near["test/ash/again.jpg"]
        == near["train/ash/003.jpg"]
        != near["train/elm/004.jpg"]
        == near["train/oak/wrong.jpg"]
    )
