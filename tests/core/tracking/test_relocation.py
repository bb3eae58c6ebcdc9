"""A project that was moved or copied: its MLflow store goes with it, and the old place is neither read nor written."""

import hashlib
import shutil
import sqlite3
from contextlib import closing

import pytest

from stages.core.doctor.findings import Patient
from stages.core.layout import Layout
from stages.core.promoting.decision import By, body_of
from stages.core.promoting.promotion import contest_of, record
from stages.core.tracking.mirror import mirror
from stages.core.tracking.registry import CHAMPION, Registry
from stages.core.tracking.relocation import foreign_root, relocate, runs_without_artifacts
from stages.core.tracking.runs import KEY, find
from stages.core.tracking.silence import GIVEN_UP
from stages.core.tracking.store import connect
from stages.health import store as examination
from tests.contests import FINE, candidate, contest, limits, manifest, run_of

pytestmark = pytest.mark.slow
PARAMS = limits(classes={"max_drop": 1.0, "min_recall": 0.0})
ELSEWHERE = "file:///big/disk/mlruns/mine"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project (with a blank in its path) whose store holds a run, a model, a champion and a person's own experiment."""
    from mlflow.tracking._tracking_service import utils

    root = tmp_path_factory.mktemp("my projects") / "pets"
    manifest(root)
    key = candidate(root, "old", list(range(10)))
    store = connect(Layout(root), PARAMS)
    run_of(root, store.client, store.experiment_id, "old")
    run_id = find(store, key).info.run_id
    store.client.log_artifact(run_id, str(Layout(root).candidate("old") / "candidate.json"))
    store.client.set_terminated(run_id)
    store.client.create_experiment("mine", artifact_location=ELSEWHERE)
    registry = Registry(Layout(root), PARAMS)
    own = contest_of(registry, PARAMS, contest(root, "old").candidate, lambda: FINE, root / "scratch")
    record(registry, own, body_of(own, registry.model, [], By()))
    utils._artifact_repos_cache.clear()  # a project is not moved while a process works in it
    return root


@pytest.fixture(params=["copied", "moved"])
def elsewhere(made, tmp_path, monkeypatch, request):
    """The project in another folder, and what must stay as it is: the original, or the absence of the old place."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    old = tmp_path / "old"
    origin = made
    shutil.copytree(made, tmp_path / "new")
    if request.param == "moved":  # the same store, made in a folder that is gone
        replace_root(tmp_path / "new/mlflow.db", made, old)
        origin = old
    return tmp_path / "new", origin


def replace_root(path, old, new):
    """Let a store say that it was made in another folder."""
    assert relocate(path, new / "mlruns") == (old / "mlruns").as_uri()
    assert foreign_root(path, new / "mlruns") is None


def contents(root):
    """Hash of every file."""
    return {path: hashlib.md5(path.read_bytes()).hexdigest() for path in root.rglob("*") if path.is_file()}


def places(path):
    """Every place that a store names."""
    with closing(sqlite3.connect(path)) as store:
        query = """select artifact_location from experiments union select artifact_uri from runs
            union select artifact_location from logged_models union select source from model_versions"""
        return {row[0] for row in store.execute(query)}


def test_runs_and_models_are_read_and_written_in_the_new_place(elsewhere):
    """Files of the run, the registered model and its evidence are read; a new file and a new run stay in the project."""
    (root, origin), before = elsewhere, contents(elsewhere[1])
    store = connect(Layout(root), PARAMS)
    (run,) = store.client.search_runs([store.experiment_id])
    registry = Registry(Layout(root), PARAMS)
    champion = registry.with_alias(CHAMPION)
    assert (registry.fetched(registry.packaged(champion.key), root / "package") / "MLmodel").exists()
    assert registry.kept_file(run.info.run_id, "candidate.json", root / "kept").read_text()
    store.client.log_artifact(run.info.run_id, str(root / "data/manifest.parquet"))
    new = store.client.create_run(store.experiment_id).info
    store.client.log_text(new.run_id, "text", "new.txt")

    assert (root / f"mlruns/{PARAMS.dataset.name}/{new.run_id}/artifacts/new.txt").exists()
    assert all(place.startswith((root / "mlruns").as_uri() + "/") for place in places(root / "mlflow.db") - {ELSEWHERE})
    assert ELSEWHERE in places(root / "mlflow.db")
    assert contents(origin) == before and origin.exists() == bool(before)


def test_the_doctor_says_so_and_mends_it(elsewhere):
    """Broken, with the old place by name; --repair once, and the store is whole and says nothing more."""
    root, origin = elsewhere
    patient = Patient(Layout(root))
    (found,) = examination.examine(patient)
    assert found.level == "broken" and (origin / "mlruns").as_uri() in found.text
    assert str(root / "mlruns") in found.repair()
    assert [found.level for found in examination.examine(patient)] == ["ok"]


def test_a_store_that_can_not_be_changed_is_not_written_to(elsewhere, capsys):
    """All places change or none; until they do, no run is said to be completed and the old place is left alone."""
    (root, origin), before = elsewhere, contents(elsewhere[1])
    with closing(sqlite3.connect(root / "mlflow.db")) as store, store:
        store.execute("create trigger refused before update on runs begin select raise(abort, 'read only'); end")
    old = places(root / "mlflow.db")
    assert mirror(Layout(root), PARAMS, []) is None and "not completed" in capsys.readouterr().err
    GIVEN_UP.clear()
    assert places(root / "mlflow.db") == old and contents(origin) == before and origin.exists() == bool(before)


def test_a_shared_store_outside_the_project_is_left_alone(made, tmp_path, monkeypatch):
    """Whoever names another project's store, asks for it: its places stay."""
    shutil.copytree(made, tmp_path / "new")
    shutil.copy(made / "mlflow.db", tmp_path / "shared.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'shared.db'}")
    before = places(tmp_path / "shared.db")
    connect(Layout(tmp_path / "new"), PARAMS)
    assert places(tmp_path / "shared.db") == before
    assert [found.level for found in examination.examine(Patient(Layout(tmp_path / "new")))] == ["ok"]


def test_a_store_copied_without_its_files_is_a_warning(made, tmp_path, monkeypatch):
    """The runs are there, their files are not: the doctor names the run, and `sync` looks for none in the old place."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(made / "mlflow.db", tmp_path)
    relocate(tmp_path / "mlflow.db", tmp_path / "mlruns")
    assert runs_without_artifacts(tmp_path / "mlflow.db", KEY) == ["old"]
    (found,) = examination.examine(Patient(Layout(tmp_path)))
    assert found.level == "warning" and "old" in found.text and "imagetrail sync" in found.advice
    assert foreign_root(made / "mlflow.db", made / "mlruns") is None
