"""no_copies: many copies are a warning, of which the first of each picture is no copy."""

from tests import gate


def test_copies_are_named_and_their_first_is_not(tmp_path):
    """Two copies of one picture among 60: a warning that names the two that came later."""
    files = gate.clean() | {"ash/z1.jpg": gate.jpeg(0, 0), "ash/z2.jpg": gate.jpeg(0, 0)}
    found = gate.inspected(tmp_path, files, "no_copies")
    finding = gate.one(found, "no_copies")

    assert (finding.severity, finding.examples) == ("warning", ["ash/z1.jpg", "ash/z2.jpg"])
    assert gate.offenders(found, "no_copies") == ["ash/z1.jpg", "ash/z2.jpg"]


def test_one_of_a_hundred_may_be_a_copy(tmp_path):
    """99 pictures and a copy: the share is the limit of 0.01; 98 pictures and a copy are above it."""
    for n_more, n_broken in ((9, 0), (8, 1)):
        files = gate.clean(30) | {f"elm/z{i}.jpg": gate.jpeg(1, 50 + i) for i in range(n_more)}
        found = gate.inspected(tmp_path, files | {"elm/a.jpg": gate.jpeg(1, 0)}, "no_copies")
        assert len(gate.broken(found, "no_copies")) == n_broken
