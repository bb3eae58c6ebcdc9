"""readable: what can't be decoded is named, with the reason."""

from tests import gate


def test_damaged_files_are_named(tmp_path):
    """A cut JPEG, an empty file and a text: critical, each with its path; the others are fine."""
    files = gate.clean() | {
        "ash/cut.jpg": gate.jpeg(0, 90)[:700],
        "elm/empty.png": b"",
        "oak/text.jpg": b"no image at all",
    }
    found = gate.inspected(tmp_path, files, "readable")
    finding = gate.one(found, "readable")

    assert finding.severity == "critical" and finding.observed == 3
    assert finding.examples == gate.offenders(found, "readable") == ["ash/cut.jpg", "elm/empty.png", "oak/text.jpg"]
    assert "elm/empty.png (the file is empty)" in finding.message
