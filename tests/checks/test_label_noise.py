"""label_noise: wrong labels come up among the first to look at, and nothing is ever stopped by it."""

import pytest

from stages.core.gate.findings import verdict
from stages.core.gate.gating import inspect
from tests import gate

FLIPPED = [3, 17, 31, 58, 90]  # of each class: 5 %


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    """300 images of which 15 stand in the next class."""
    files = {}
    for name, data in gate.clean(100).items():
        label, number = gate.LABELS.index(name[:3]), int(name[4:7])
        wrong = number in FLIPPED
        files[f"{gate.LABELS[(label + wrong) % 3]}/{'flipped' if wrong else ''}{label}{number:03}.jpg"] = data
    return gate.subject(tmp_path_factory.mktemp("set"), files)


def test_most_that_is_listed_is_wrong(subject):
    """Of 15 wrong labels most are found, and most of what is listed is wrong; each with the better label."""
    found = inspect(subject, gate.checks("label_noise"))
    listed = gate.offenders(found, "label_noise")
    hits = [path for path in listed if "flipped" in path]

    assert len(hits) > len(listed) / 2 and len(hits) > 15 / 2
    rows = found.offenders["label_noise"].set_index("path").loc[hits]
    assert all(gate.LABELS[int(path[11])] == suggested for path, suggested in rows["suggested"].items())
    assert set(gate.one(found, "label_noise").examples) <= set(listed)


def test_it_never_changes_the_verdict(subject):
    """As shipped it is for people to look at."""
    found = inspect(subject, gate.checks("label_noise", *gate.CRITICAL))

    assert gate.one(found, "label_noise").severity == "info" and verdict(found.findings) == "pass"


def test_no_more_are_listed_than_asked_for(subject):
    """The most doubtful first."""
    found = inspect(subject, gate.checks("label_noise", max_candidates=4))
    doubt = found.offenders["label_noise"]["doubt"].tolist()

    assert len(doubt) == 4 and doubt == sorted(doubt, reverse=True)


def test_a_part_may_be_looked_at(subject):
    """max_images bounds the work; rows that were not looked at are not doubted."""
    found = inspect(subject, gate.checks("label_noise", max_images=150))
    rows = found.offenders["label_noise"].index

    assert set(rows) <= set(subject.usable.iloc[::2].index)
