"""labelled: a table of labels and its images must fit each other."""

from stages.core.ingest.source import Member, Source
from tests import gate


def test_what_the_table_could_not_match_is_named(tmp_path):
    """A row without a file and a file without a row: critical, in no split, and not called unreadable."""
    members = [
        Member(name.replace("/", "_"), lambda data=data: data, name.split("/")[0])
        for name, data in gate.clean().items()
    ]
    members += [
        Member("left_over.jpg", lambda: gate.jpeg(0, 90), note="no label"),
        Member("missing.jpg", None, "ash", note="no such file"),
    ]
    found = gate.inspected(tmp_path, Source({}, members, labels="table"), "labelled")
    finding = gate.one(found, "labelled")

    assert finding.severity == "critical" and finding.observed == 2
    assert sorted(finding.examples) == gate.offenders(found, "labelled") == ["left_over.jpg", "missing.jpg"]
    assert "1 x no label: left_over.jpg" in finding.message and "1 x no such file: missing.jpg" in finding.message
    assert found.offenders["labelled"]["split"].isna().all()
