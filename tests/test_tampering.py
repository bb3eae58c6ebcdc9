"""Whatever single store is tampered with, the audit raises an alarm; over a project that nobody touched it raises none."""

import shutil

import pytest

from benchmarks import tampering
from benchmarks.tampering import HEAD, KINDS, copied, key_of, tampered, trained
from stages.commands.audit import audit, links_of
from stages.core.auditing.asked import asked
from stages.core.auditing.finding import ALARM, OK
from stages.core.files import read_json
from stages.core.settings.params import open_project
from tests.conftest import Checkout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module", autouse=True)
def forked():
    """The project is made by forks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tampering, "run", lambda folder, *command: Checkout(folder).run(*command).stdout)
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two tiny models, one of them on a pretrained network, trained once and committed."""
    return trained(tmp_path_factory.mktemp("tampering") / "project")


@pytest.mark.parametrize("model", ["plain", HEAD])
def test_every_link_of_an_untouched_project_agrees(root, model):
    """All evidence is there, and all of it fits."""
    verdicts = audit(root, model, public_key=key_of(root))[1]

    assert {one.link: one.said for one in verdicts if one.verdict != OK} == {}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_tampering_is_seen(root, tmp_path, kind):
    """At least one link raises an alarm; which ones, and what they say, is the table of benchmarks/tampering.py."""
    with tampered(kind, root, tmp_path / "copy") as copy:
        assert any(one.verdict == ALARM for _, one in links_of(copy, kind.model, public_key=key_of(root)))


def test_a_foreign_model_and_a_registered_one(root, tmp_path):
    """A file that no ledger names is an alarm with its hash; nonsense is a usage error."""
    copy = Checkout(copied(root, tmp_path / "copy"))
    shutil.copy(copy.root / "params.yaml", tmp_path / "model.keras")

    foreign = copy.command("audit", str(tmp_path / "model.keras"), ok=False)
    assert foreign.returncode == 3 and "no line of the ledger names its hash" in foreign.stderr
    assert copy.command("audit", "plane", ok=False).returncode == 1


def test_a_replay_gives_the_same_bytes(root, tmp_path):
    """Made again in a clean clone, every file of a candidate is equal; of a changed one it says which differs."""
    copy = Checkout(copied(root, tmp_path / "copy"))
    assert "are equal, byte for byte" in copy.command("replay", HEAD, "--keep", str(tmp_path / "clone")).stderr

    assert (tmp_path / "clone/data/candidates" / HEAD / "model.keras").exists()
    with (copy.root / "data/candidates/plain/history.csv").open("a") as stream:
        stream.write("\n")
    done = copy.command("replay", "plain", ok=False)
    assert done.returncode == 3 and "differs  history.csv" in done.stdout


def test_a_model_is_found_by_its_run_its_file_and_in_the_registry(root, tmp_path):
    """All ways to name a model lead to its candidate; a registered copy whose bytes differ is an alarm."""
    import mlflow

    copy = copied(root, tmp_path / "copy")
    uri = f"sqlite:///{copy}/mlflow.db"
    key = read_json(copy / "data/candidates/plain/candidate.json")["key"]
    run_id = read_json(copy / f"reports/runs/{key}.json")["mlflow_run_id"]
    mlflow.set_tracking_uri(uri)
    client = mlflow.MlflowClient()
    (model, *_) = [output.model_id for output in client.get_run(run_id).outputs.model_outputs]
    client.create_registered_model("digits")
    version = client.create_model_version("digits", f"models:/{model}", run_id, model_id=model).version
    client.set_registered_model_alias("digits", "prod", version)

    names = [run_id, key, f"models:/{model}", f"models:/digits/{version}", "models:/digits@prod"]
    params, layout = open_project(copy)
    for number, name in enumerate(names):
        assert asked(layout, params, name, tmp_path / str(number)).candidate.name == "plain"
    next(copy.glob(f"mlruns/*/models/{model}/artifacts/data/data/model.keras")).write_bytes(b"another")
    assert asked(layout, params, "models:/digits@prod", tmp_path / "again").alarms
