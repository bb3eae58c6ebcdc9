"""plausible: sizes, shapes and modes are inside the limits, and the limits themselves are fine."""

import io

import pytest
from PIL import Image

from tests import gate


def sized(width, height, mode="RGB", kind="png"):
    stream = io.BytesIO()
    Image.fromarray(gate.picture(0, 77)).resize((width, height)).convert(mode).save(stream, kind)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (sized(7, 9), "a side below checks.plausible.min_side (8): ash/odd.png (7 x 9)"),
        (sized(49, 12), "an aspect above checks.plausible.max_aspect (4): ash/odd.png (49 x 12)"),
        (sized(12, 49), "an aspect above checks.plausible.max_aspect (4): ash/odd.png (12 x 49)"),
        (sized(8193, 2100), "a side above checks.plausible.max_side (8192): ash/odd.png (8193 x 2100)"),
        (sized(48, 48, "CMYK", "jpeg"), "a mode that checks.plausible.modes does not name: ash/odd.png (CMYK)"),
    ],
)
def test_an_odd_image_is_named(tmp_path, data, words):
    """Too small, too long, too thin, too large or of another mode: a warning with its size or mode."""
    found = gate.inspected(tmp_path, gate.clean() | {"ash/odd.png": data}, "plausible")
    finding = gate.one(found, "plausible")

    assert (finding.severity, finding.examples, gate.offenders(found, "plausible")) == (
        "warning",
        ["ash/odd.png"],
        ["ash/odd.png"],
    )
    assert words in finding.message


@pytest.mark.parametrize(
    "data", [sized(8, 8), sized(48, 12), sized(8192, 2048), sized(48, 48, "P"), sized(48, 48, "RGBA")]
)
def test_an_image_at_the_limit_is_plausible(tmp_path, data):
    """Each limit belongs to what is allowed."""
    assert gate.broken(gate.inspected(tmp_path, gate.clean() | {"ash/odd.png": data}, "plausible"), "plausible") == []
