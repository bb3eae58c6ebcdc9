"""enough: two classes or more, each with enough images, each in every split."""

from stages.core.gate.gating import inspect
from stages.core.settings.options import GroupBy
from tests import gate


def test_a_small_class_is_named(tmp_path):
    """Nine images of ten: critical, with the class and its number; all of them are named."""
    files = gate.clean() | {f"yew/{i}.jpg": gate.jpeg(0, 50 + i) for i in range(9)}
    found = gate.inspected(tmp_path, files, "enough")
    finding = gate.one(found, "enough")

    assert finding.severity == "critical" and finding.examples == gate.offenders(found, "enough")
    assert finding.examples == [f"yew/{i}.jpg" for i in range(9)]
    assert "too few images: class 'yew' has 9; checks.enough.min_per_class is 10" in finding.message


def test_the_limit_is_enough(tmp_path):
    """Ten images of ten."""
    assert gate.broken(gate.inspected(tmp_path, gate.clean(10), "enough"), "enough") == []


def test_an_unreadable_image_does_not_count(tmp_path):
    """Ten files, one of them empty: nine images."""
    files = gate.clean() | {f"yew/{i}.jpg": gate.jpeg(0, 50 + i) if i else b"" for i in range(10)}
    found = inspect(gate.subject(tmp_path, files), gate.checks("enough"))

    assert "class 'yew' has 9;" in gate.one(found, "enough").message


def test_one_class_is_too_few(tmp_path):
    """There is nothing to tell apart: critical."""
    files = {name: data for name, data in gate.clean().items() if name.startswith("ash/")}
    finding = gate.one(gate.inspected(tmp_path, files, "enough"), "enough")

    assert (finding.severity, finding.observed, finding.examples) == ("critical", 1, [])
    assert "the set has 1 class" in finding.message


def test_a_class_that_is_missing_from_a_split_is_named(tmp_path):
    """With predefined splits, a class may have no image in test: critical."""
    files = {
        f"{'test' if i > 13 and not name.startswith('ash') else 'train'}/{name}": data
        for name, data in gate.clean().items()
        for i in [int(name[4:7])]
    }
    finding = gate.one(gate.inspected(tmp_path, files, "enough"), "enough")

    assert finding.severity == "critical" and finding.observed == 20
    assert "class 'ash' has no image in one of the splits" in finding.message


def test_groups_that_cannot_be_divided_are_named_as_the_cause(tmp_path):
    """Two groups and three splits: 0.1 said to add images, of which there are enough."""
    split = {"group_by": GroupBy(column=False, folder=None, regex="([ab])[0-9]+.jpg")}
    files = {f"{label}/{'ab'[i % 2]}{i}.jpg": gate.jpeg(n, i) for n, label in enumerate(gate.LABELS) for i in range(12)}
    found = inspect(gate.subject(tmp_path, files, **split), gate.checks("enough"))
    message = next(item.message for item in found.findings if not item.passed)

    assert "images form 2 parts that are never divided: 2 groups (`split.group_by`)" in message
    assert "add images or change" not in message
