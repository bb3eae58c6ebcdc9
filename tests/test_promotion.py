"""`imagetrail promote` on a whole project: its packaged model is served in a clean process, and planted failures are seen."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.promotion import about, broken_code, change, committed, copied, packaged, skewed_code
from stages.core.candidates.candidate import read_candidate
from stages.core.layout import Layout
from stages.core.promoting.contest import Contest
from stages.core.settings.params import open_project
from stages.gates import latency, served
from tests import forking
from tests.conftest import Checkout
from tests.contests import FINE

pytestmark = pytest.mark.slow
NAME = "plain"


@pytest.fixture(scope="module")
def copy(finished, tmp_path_factory):
    """A finished project, committed, whose limits two epochs can meet."""
    made = Checkout(copied(finished.root, tmp_path_factory.mktemp("promotion") / "copy"))

    def lax(tree):
        tree["promote"]["classes"]["min_recall"] = 0.0
        tree["promote"]["calibration"]["max_ece"] = 1.0
        tree["promote"]["latency"]["max_one_image_ms"] = 5000.0

    change(made.root, lax)
    committed(made.root)
    return made


@pytest.fixture(autouse=True)
def forked(monkeypatch):
    """The server of a packaged model is forked; the README's promotion starts one from nothing."""
    monkeypatch.setattr(sys, "executable", forking.client_of(sys.executable))


def servers():
    """Processes that serve a model of these tests."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if "mlflow.pyfunc.scoring_server" in line]


def contest(root, place):
    """The candidate before the gate, with the package that lies in the store."""
    params, layout = open_project(root)
    own = read_candidate(layout.candidate(NAME))
    return Contest(layout, params, own, None, lambda: FINE, lambda: place)


def test_from_a_finished_project_to_champion_and_no_further(copy):
    """Every gate passes, 100 golden images are answered alike; then it is champion already, and none is before it."""
    before = len(servers())
    told = json.loads(copy.command("promote", NAME, "--json").stdout)
    gates = {gate["gate"]: gate for gate in told["gates"]}

    assert told["what"] == "promoted" and {gate["verdict"] for gate in gates.values()} <= {"pass", "none"}
    assert gates["served"]["numbers"]["n_images"] == 100 and gates["served"]["numbers"]["n_other"] == 0
    assert gates["served"]["numbers"]["largest"] <= 1e-5 and len(servers()) == before
    assert gates["latency"]["numbers"]["machine"] and gates["latency"]["numbers"]["recorded_ms"] > 0
    again = copy.command("promote", f"models:/{told['model']}@champion")
    assert "is champion of digits already (version 1)" in again.stdout
    assert "first champion" in copy.command("promote", "--rollback", ok=False).stderr
    audited = copy.command("audit", NAME, "--quick").stdout
    assert "ok      ledger" in audited and "ok      alias       decisions about digits: 1; champion is plain" in audited


def test_mistakes_are_sentences_and_change_nothing(copy):
    """Force without a name, a rollback of a candidate, no such candidate, a server that is gone: exit code 1."""
    ledger = Layout(copy.root).ledger.read_bytes()
    for words, said in (
        ([NAME, "--force"], "--by NAME and --why TEXT"),
        ([NAME, "--force", "--by", " ", "--why", "x"], "--by NAME and --why TEXT"),
        ([NAME, "--rollback"], "without a gate"),
        (["plane"], "did you mean plain?"),
    ):
        done = copy.command("promote", *words, ok=False)
        assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr
    dead = copy.command("promote", "residual", ok=False, MLFLOW_TRACKING_URI="http://me:secret@127.0.0.1:9")
    assert dead.returncode == 1 and "nothing was changed: MLflow at" in dead.stderr and "secret" not in dead.stderr
    assert Layout(copy.root).ledger.read_bytes() == ledger


@pytest.mark.parametrize(
    ("plant", "said"),
    [
        (about(lambda told: told.update(temperature=(told["temperature"] or 1) * 1.001)), "probabilities within"),
        (skewed_code, "golden images have their label (not "),
        (broken_code, "No module named 'imagetrail_of_another_machine'"),
    ],
    ids=["temperature", "skewed code", "broken code"],
)
def test_a_package_that_answers_otherwise_is_refused(copy, tmp_path, plant, said):
    """A temperature off by a thousandth, code that turns images round, code that can't be imported; no server is left."""
    place = packaged(copy.root, NAME)
    kept, before = shutil.copytree(place, tmp_path / "kept"), len(servers())
    try:
        plant(copy.root, NAME)
        outcome = served.check(contest(copy.root, place))
    finally:
        shutil.rmtree(place)
        shutil.copytree(kept, place)

    assert outcome.verdict == "FAIL" and said in outcome.reason, outcome
    assert len(servers()) == before


def test_a_latency_above_its_limit_is_refused(copy):
    """Measured here and now: no model answers within a nanosecond."""
    change(copy.root, lambda tree: tree["promote"]["latency"].update(max_one_image_ms=1e-6))
    try:
        found = latency.check(contest(copy.root, Path()))
    finally:
        change(copy.root, lambda tree: tree["promote"]["latency"].update(max_one_image_ms=5000.0))

    assert found.verdict == "FAIL" and found.numbers["one_image_ms"] > 0 and "when it was made" in found.reason
