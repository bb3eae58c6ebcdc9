"""distinct_labels: no two classes whose names a reader would take for one."""

import pytest

from stages.core.gate.gating import inspect
from stages.core.ingest.label_text import look
from tests import gate


@pytest.mark.parametrize("other", ["Ash", "ASH", "\uff41sh", "a\u200dsh", "a sh"])
def test_classes_that_look_alike_are_named(tmp_path, other):
    """Case, width, joiners, blanks: critical, with both names and the way out."""
    files = {f"{label}/{i}.jpg": gate.jpeg(0, i) for i in range(2) for label in ("ash", other)}
    found = inspect(gate.subject(tmp_path, files), gate.checks("distinct_labels"))
    finding = gate.one(found, "distinct_labels")

    assert finding.severity == "critical" and finding.observed == 2 and not finding.remedy
    assert "'ash'" in finding.message and "checks.distinct_labels.severity to info" in finding.message


def test_other_names_are_other_classes(tmp_path):
    """Nothing is found in a set of three trees."""
    assert gate.broken(gate.inspected(tmp_path, gate.clean(10), "distinct_labels"), "distinct_labels") == []
    assert len({look(label) for label in ("7", "07", "7.5", "cat", "cats", "cat-1", "cat 2")}) == 7
    assert look("7.0") == look("7") and look("caf\u00e9") == look("CAFE\u0301")
