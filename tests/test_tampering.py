"""Whatever single store is tampered with, the audit raises an alarm; over a project that nobody touched it raises none."""

import shutil

import pytest

from benchmarks import tampering
from benchmarks.tampering import HEAD, KINDS, copied, key_of, seen, tampered, trained
from stages.commands.audit import audit, judged, links
from stages.core.auditing.asked import asked
from stages.core.auditing.audited import Audited
from stages.core.auditing.finding import ALARM, OK
from stages.core.files import read_json
from stages.core.settings.params import open_project
from tests.conftest import Checkout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

EXPECTED = """
one pixel of a source image, index made to fit | outs, images, source, split, croissant
one pixel of a source image, index and source.json made to fit | outs, images, source, split, croissant, card
a label in the source's index, source.json made to fit | outs, source, split
the licence in source.json | outs, source, croissant, card
a label in the manifest | outs, manifest, source, croissant, card
a split in the manifest | outs, images, manifest, split, croissant, predictions, card
a param in params.yaml after training | params
a param in candidate.json | signature, record, outs, run, params, metrics
a param in dvc.lock | params
the model file | model, signature, outs, run, predictions
another model, candidate.json and dvc.lock made to fit | signature, record, run, predictions, metrics
history.csv | model, signature, outs, run, metrics
predictions.parquet | model, signature, outs, predictions, metrics
reference.npz | model, signature, outs, run
MLflow: a final metric | run
MLflow: a metric of an epoch | run
MLflow: a param | run
MLflow: a tag | run
MLflow: a tag deleted | run
MLflow: the artifact candidate.json | run
MLflow: the artifact test_confusion_matrix.csv | run
MLflow: the packaged model | run
MLflow: two classes of the packaged model, swapped | run
MLflow: the alias champion, set by hand | alias
dvc.lock: the candidate's hash | outs, commit
ledger: a line removed | record, ledger
ledger: two lines reordered | ledger
ledger: a line edited | record, ledger
ledger: a line inserted | ledger
ledger: its tail cut | ledger
ledger and its copy: tail cut | ledger
ledger and its copy: tail cut, never committed | ledger
ledger and its copy: a line edited, all hashes made to fit | record, champion, ledger
ledger and its copy: a promotion taken out, all hashes made to fit | ledger
ledger and its copy: a promotion made another's, all hashes made to fit | ledger
commit amended: a param | params
commit amended: code | code
commit amended: dvc.lock's manifest | commit
requirements.lock | outs, code, sbom
code after training | outs, code
one value of a packed array | outs, images
one value of a packed array, pack.json made to fit | outs, images
statistics.json | outs, images
pretrained weights | outs, weights
licence of the weights | outs, weights
stored features | outs, weights
metrics.json | outs, run, metrics, champion, card
metrics.json, dvc.lock made to fit | run, metrics, champion, card
calibration.json, dvc.lock made to fit | run, metrics
golden.json, dvc.lock made to fit | run, metrics
a confusion matrix | outs, run, metrics
leaderboard.csv | champion
champion.json | champion
Croissant: the licence | croissant
model card: an accuracy | card
list of packages: a name | sbom
signature: one byte | signature
signature taken away, ledger made to fit | signature, ledger
signed by another key, ledger made to fit | signature, ledger
another model, signed by another key, all but MLflow and git made to fit | signature, record, run, predictions, metrics, ledger
"""  # kind of tampering, and the links that raise the alarm


COSTLY = {"images", "manifest", "source", "split", "predictions"}  # decode every image, or ask the model
IN_FULL = ("a label in the manifest", "a split in the manifest")  # judged by these too


def judged_for(kind):
    """The expected links but for costly ones, which two kinds and the full audits are judged by."""
    return [name for name in expected(kind) if kind.name in IN_FULL or name not in COSTLY]


def expected(kind):
    """Names of the links that see a kind of tampering."""
    (links,) = [row.split(" | ")[1] for row in EXPECTED.strip().splitlines() if row.split(" | ")[0] == kind.name]
    return links.split(", ")


def alarms(kind, root, place, key):
    """Which of the links that are judged here raise an alarm."""
    params, layout = open_project(root)
    found = asked(layout, params, kind.model, place)
    audited = Audited(layout, params, found.candidate, place, False, key)
    known = dict(links())
    return [name for name in judged_for(kind) if judged(audited, name, known[name]).verdict == ALARM]


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
    """Every link that holds the store against another raises an alarm; what they say is printed by benchmarks/tampering.py."""
    with tampered(kind, root, tmp_path / "copy") as copy:
        (tmp_path / "scratch").mkdir()
        assert alarms(kind, copy, tmp_path / "scratch", key_of(root)) == judged_for(kind) != []


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_whole_audit_names_the_links_that_see_it(root, tmp_path, kind):
    """Those of the table and no others, whatever was tampered with."""
    assert [one.link for one in seen(kind, root, tmp_path / "copy")] == expected(kind)


@pytest.mark.parametrize("name", ["predictions.parquet", "ledger and its copy: tail cut"])
def test_a_full_audit_sees_it_as_well(root, tmp_path, name):
    """Run as a whole, the audit names exactly the expected links."""
    (kind,) = [one for one in KINDS if one.name == name]
    assert [one.link for one in seen(kind, root, tmp_path / "copy")] == expected(kind)


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
