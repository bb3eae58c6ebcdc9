"""no_conflicts: a picture in two classes is named in both."""

from tests import gate


def test_both_places_are_named(tmp_path):
    """The same pixels as JPEG in one class and, decoded, as PNG in another: critical; a copy in one class is no conflict."""
    pixels = gate.picture(0, 90)
    files = gate.clean() | {
        "ash/x.png": gate.encoded(pixels, "png"),
        "oak/y.bmp": gate.encoded(pixels, "bmp"),
        "elm/copy.jpg": gate.jpeg(1, 3),
    }
    found = gate.inspected(tmp_path, files, "no_conflicts")
    finding = gate.one(found, "no_conflicts")

    assert (finding.severity, finding.examples) == ("critical", ["ash/x.png", "oak/y.bmp"])
    assert gate.offenders(found, "no_conflicts") == ["ash/x.png", "oak/y.bmp"]
    assert "ash/x.png = oak/y.bmp" in finding.message
