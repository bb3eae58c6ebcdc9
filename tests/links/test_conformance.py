"""Every file in stages/links/ keeps the contract of a link, by being there."""

import ast

import pytest

from stages.commands.audit import judged, links
from stages.core.auditing.audited import Audited
from stages.core.auditing.finding import OK, Found, Unknown, verdict
from stages.core.candidates.candidate import Candidate
from stages.core.layout import PROJECT, Layout
from stages.core.settings.params import load

LINKS = links()
NAMES = [name for name, _ in LINKS]
RECORD = {
    "name": "plain", "stage": "train", "entry": "plain", "failure": None, "key": "0" * 32, "classes": ["a", "b"],
    "params": {"kind": "plain_cnn", "input": "images", "runtime": {}}, "code": {"stages/none.py": "0" * 64},
    "lock_sha256": "0" * 64, "outputs": {"model.keras": "0" * 64},
    "inputs": {"manifest_sha256": "0" * 64, "images": {"train": "0", "val": "0", "test": "0"}, "statistics_sha256": "0"},
}  # fmt: skip


def test_links_have_an_order():
    """No two stand in one place, and the ledger ends the chain."""
    places = [link.PLACE for _, link in LINKS]

    assert len(places) == len(set(places)) and places == sorted(places) and len(NAMES) >= 15


@pytest.mark.parametrize(("name", "link"), LINKS, ids=NAMES)
def test_a_link_says_what_it_holds_against_what(name, link):
    """Its docstring begins with its name and both sides; it imports no other link."""
    imports = ast.walk(ast.parse((PROJECT / f"stages/links/{name}.py").read_text()))
    modules = [node.module or "" for node in imports if isinstance(node, ast.ImportFrom)]

    first = link.__doc__.splitlines()[0]
    assert first.startswith(f"{name}: ") and "<->" in first
    assert not any(module.startswith("stages.links") for module in modules)


@pytest.mark.parametrize(("name", "link"), LINKS, ids=NAMES)
def test_where_there_is_no_evidence_nothing_is_called_right(name, link, tmp_path):
    """In an empty folder a link is unknown or an alarm, and never breaks; only weights that nobody used are fine."""
    folder = tmp_path / "data/candidates/plain"
    folder.mkdir(parents=True)
    (folder / "candidate.json").write_text("{}")
    audited = Audited(Layout(tmp_path), load(PROJECT / "params.yaml"), Candidate(folder, RECORD), tmp_path / "scratch")

    assert judged(audited, name, link).verdict != OK or name == "weights"


def test_a_verdict_is_not_ok_because_something_agreed():
    """One difference is an alarm whatever agrees, and what could not be seen is unknown."""
    found = Found()
    assert found.same("a", 1, 1) and verdict("x", found, "fine").verdict == "ok"
    found.unknown.append("not here")
    assert verdict("x", found, "fine").verdict == "unknown"
    found.same("b", "0" * 64, "1" * 64)
    told = verdict("x", found, "fine")

    assert told.verdict == "ALARM" and told.said == ["b: expected 000000000000…, got 111111111111…"]
    assert told.notes == ["not here"]


def test_what_can_not_be_told_is_unknown_and_what_breaks_is_an_alarm(tmp_path):
    """A link that raises Unknown gives its reason; any other error means evidence that can't be read."""

    class Link:
        def __init__(self, error):
            self.error = error

        def check(self, audited, found):
            raise self.error

    audited = Audited(Layout(tmp_path), load(PROJECT / "params.yaml"), Candidate(tmp_path, RECORD), tmp_path)
    assert judged(audited, "x", Link(Unknown("no store"))).said == ["no store"]
    assert judged(audited, "x", Link(ValueError("bad"))).verdict == "ALARM"
