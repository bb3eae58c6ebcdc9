"""contrasted: blank images are named, and those that are nearly so unlike their class."""

import numpy as np

from tests import gate

BLANK = np.full((gate.SIZE, gate.SIZE, 3), 120, np.uint8)


def faint(number):
    """A picture whose contrast is between blank and uniform: about 1.5."""
    return (120 + (gate.picture(0, number).astype(float) - 120) * 0.06).round().astype(np.uint8)


def test_a_blank_image_is_named(tmp_path):
    """One colour all over: a warning."""
    found = gate.inspected(tmp_path, gate.clean() | {"oak/blank.jpg": gate.encoded(BLANK)}, "contrasted")
    finding = gate.one(found, "contrasted")

    assert (finding.severity, finding.examples) == ("warning", ["oak/blank.jpg"])
    assert "of one colour: oak/blank.jpg" in finding.message


def test_a_nearly_uniform_image_is_named_where_its_class_is_not_uniform(tmp_path):
    """Two faint ones among the trees, the fainter first; a class of nothing but fog is what it is."""
    files = gate.clean() | {"oak/b.png": gate.encoded(faint(90), "png"), "oak/a.png": gate.encoded(faint(91), "png")}
    files |= {f"fog/{i}.png": gate.encoded(faint(i), "png") for i in range(20)}
    found = gate.inspected(tmp_path, files, "contrasted")
    finding = gate.one(found, "contrasted")

    assert finding.severity == "warning" and sorted(finding.examples) == ["oak/a.png", "oak/b.png"]
    contrast = found.offenders["contrasted"].set_index("path")["contrast"]
    assert finding.examples == list(contrast.sort_values().index)
