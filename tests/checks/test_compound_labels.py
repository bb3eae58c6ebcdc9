"""compound_labels: a cell with two labels is no class of its own."""

import pytest

from stages.checks.compound_labels import compound_labels
from stages.core.ingest.source import Member, Source
from tests import gate


@pytest.mark.parametrize("between", [" ", ", ", ",", ";", "|", " + ", "/", " & "])
def test_two_labels_in_one_cell_are_named(tmp_path, between):
    """Whatever stands between them; a third class of both would be learned otherwise, and nobody told."""
    members = [
        Member(name.replace("/", "_"), lambda data=data: data, f"ash{between}elm" if n % 5 == 0 else name.split("/")[0])
        for n, (name, data) in enumerate(gate.clean().items())
    ]
    found = gate.inspected(tmp_path, Source({}, members, labels="table"), "compound_labels")

    assert len(gate.offenders(found, "compound_labels")) == 12
    assert f"ash{between}elm" in gate.one(found, "compound_labels").message


def test_a_label_of_several_words_is_one_class():
    """As long as its words are no classes; nor is a label a part of itself."""
    assert compound_labels({"red apple", "green apple", "pear"}) == set()
    assert compound_labels({"sea lake", "sea", "lake", "a,", "a"}) == {"sea lake"}
