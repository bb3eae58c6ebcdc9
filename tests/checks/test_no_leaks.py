"""no_leaks: a copy, or a member of a group, in a more held-out split is named with its twin; ours have none."""

import itertools

import pytest

from stages.core.ingest.source import Member, Source
from tests import gate


def divided():
    """The clean set with predefined folders: of every five images three in train."""
    folders = ("train", "train", "val", "test", "train")
    return {f"{folders[int(name[4:7]) % 5]}/{name}": data for name, data in gate.clean().items()}


PIXELS = gate.picture(0, 90)


@pytest.mark.parametrize(
    ("less", "more"),
    [("train", "val"), ("train", "test"), ("val", "test"), ("train", "dev"), ("seg_train", "seg_test")],
)
def test_the_copy_that_is_less_held_out_is_named(tmp_path, less, more):
    """Equal pixels in two files of other bytes: critical; the one to remove is named, and the one it equals."""
    first, second = f"{less}/ash/copy.png", f"{more}/ash/kept.bmp"
    copies = {first: gate.encoded(PIXELS, "png"), second: gate.encoded(PIXELS, "bmp")}
    found = gate.inspected(tmp_path, divided() | copies, "no_leaks")
    finding = gate.one(found, "no_leaks")

    assert (finding.severity, finding.examples, gate.offenders(found, "no_leaks")) == ("critical", [first], [first])
    assert f"{first} = {second}" in finding.message


def test_our_own_splits_have_no_leak(tmp_path):
    """Twelve copies of pictures, and a group that spans classes: each stays on one side."""
    members = [
        Member(f"{name}{copy}", lambda data=data: data, name[:3], group="g" if number % 7 == 0 else None)
        for number, (name, data) in enumerate(gate.clean().items())
        for copy in ("", "-copy")[: 2 if number % 5 == 0 else 1]
    ]
    found = gate.inspected(tmp_path, Source({}, members, labels="table"), "no_leaks")

    assert gate.broken(found, "no_leaks") == []


def test_a_divided_group_is_named(tmp_path):
    """A predefined split that puts one person's pictures on both sides: critical, with the group's name."""
    where = itertools.cycle(["train"] * 3 + ["test"])
    members = []
    for name, data in gate.clean().items():
        split, own = next(where), int(name[4:7]) == 3
        members.append(
            Member(name, lambda data=data: data, name[:3], "train" if own else split, "anna" if own else None)
        )
    members.append(Member("ash/anna.jpg", lambda: gate.jpeg(0, 90), "ash", "test", "anna"))
    found = gate.inspected(tmp_path, Source({}, members, labels="table"), "no_leaks")
    finding = gate.one(found, "no_leaks")

    assert finding.severity == "critical" and "anna" in finding.message
    assert sorted(finding.examples) == ["ash/003.jpg", "elm/003.jpg", "oak/003.jpg"]
