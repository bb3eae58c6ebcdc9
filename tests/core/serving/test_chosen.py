"""The model that is asked where none is named: the one in use, as the ledger says."""

import pytest

from stages.core.auditing.ledger import append
from stages.core.errors import UserError
from stages.core.files import read_json, write_json
from stages.core.layout import Layout
from stages.core.promoting.history import PROMOTION
from stages.core.serving.chosen import choose
from tests.contests import candidate, limits, manifest


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Two candidates, of which the report prefers `plain`; no MLflow store."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    manifest(tmp_path)
    for name in ("plain", "residual"):
        candidate(tmp_path, name, [1])
        for folder in (Layout(tmp_path).candidate(name), Layout(tmp_path).evaluation(name)):
            record = read_json(folder / "candidate.json")
            record["inputs"]["images"] = {"normalize": {"height": 8}}
            write_json(folder / "candidate.json", record)
    write_json(Layout(tmp_path).reports / "champion.json", {"candidate": "plain"})
    return tmp_path


def asked(root):
    return choose(Layout(root), limits(), None, root / "scratch").name


def decided(root, what, name, key=None):
    """Enter a decision."""
    key = key or read_json(Layout(root).candidate(name) / "candidate.json")["key"]
    append(Layout(root), PROMOTION, {"what": what, "model": "pets", "candidate": name, "key": key})


def test_the_one_that_was_promoted_last_is_asked(root, capsys):
    """The report's champion before any was; a refusal changes nothing, a rollback does; it is said which and why."""
    assert asked(root) == "plain" and "none was promoted" in capsys.readouterr().err
    decided(root, "promoted", "residual")
    decided(root, "refused", "plain")
    assert asked(root) == "residual" and "champion of pets is asked, residual (promoted 20" in capsys.readouterr().err
    decided(root, "rolled back", "plain")
    assert asked(root) == "plain"


def test_one_that_is_nowhere_is_no_reason_to_ask_another(root):
    """Retrained since, and no store to have it from: a sentence, and not the champion of the report."""
    decided(root, "promoted", "residual", key="0" * 32)
    with pytest.raises(
        UserError, match=r"residual is not in this checkout, and models:/pets@champion: there is no MLflow"
    ):
        asked(root)
