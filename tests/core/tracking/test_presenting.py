"""What a person meets first in MLflow's pages, in a real store: a view, descriptions, the champion and its report."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from stages.core.candidates.candidate import Candidate
from stages.core.files import write_json, write_text
from stages.core.layout import PROJECT, Layout
from stages.core.settings.params import load
from stages.core.tracking.descriptions import run_note
from stages.core.tracking.presenting import FORMER, NOTE, OWN_NOTE, noted, present
from stages.core.tracking.runs import find, find_or_create
from stages.core.tracking.saved_view import KIND, ROLE, STANDING, TAG, columns, saved_view, state, trials_of
from stages.core.tracking.saved_view import address as view_of
from stages.core.tracking.store import connect
from stages.core.tracking.tables import as_table, log_tables
from stages.core.tracking.times import epoch_times_ms
from stages.core.tracking.trails import Trail
from tests.browser import opened
from tests.stores import mlflow_server

WRITTEN = load(PROJECT / "params.yaml")
PATIENT = WRITTEN.tree.tracking.model_copy(update={"timeout_s": 60})  # of a machine that does much else
PARAMS = replace(WRITTEN, tree=WRITTEN.tree.model_copy(update={"tracking": PATIENT}))
METRICS = {"test_accuracy": 0.9, "test_accuracy_low": 0.8, "test_accuracy_high": 0.95, "val_accuracy": 0.91}
COSTS = {"n_parameters": 10.0, "multiply_adds": 100.0, "model_bytes": 5000.0}


IN_ORDER = (
    "all => all.map(e => [e.getBoundingClientRect().x, e.innerText.trim()]).sort((a, b) => a[0] - b[0]).map(e => e[1])"
)


def trail(root, name, failure=None, parent=None, **record):
    """A candidate with an evaluation, as files."""
    evaluation = root / "reports/candidates" / name
    write_json(evaluation / "metrics.json", {} if failure else METRICS | COSTS)
    whole = {"name": name, "key": f"{name:0<32}", "failure": failure, "params": {"kind": "plain_cnn"}, **record}
    return Trail(Candidate(root / "data" / name, whole), evaluation, parent)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A checkout with a SQLite store, and runs of two candidates in it."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.delenv("DVC_EXP_NAME", raising=False)
    layout = Layout(tmp_path)
    store = connect(layout, PARAMS)
    for name in ("one", "two"):
        find_or_create(store, {"name": name, "key": f"{name:0<32}"}, None)
    return SimpleNamespace(root=tmp_path, layout=layout, store=store)


def chosen(place, name, text="<p>report</p>"):
    """Let a candidate be champion, and write the report that says so."""
    record = {"candidate": name, "key": f"{name:0<32}", "why": ["a|b leads."]}
    write_json(place.layout.reports / "champion.json", record)
    write_text(place.layout.reports / "index.html", text)


def run_of(place, name):
    """The run of a candidate."""
    return find(place.store, f"{name:0<32}")


def presented(place):
    """Present both candidates; the experiment's tags."""
    present(place.store, place.layout, PARAMS, [trail(place.root, name) for name in ("one", "two")])
    return place.store.client.get_experiment(place.store.experiment_id).tags


def test_the_experiment_and_its_runs_are_described(place):
    """The view, the kind, the champion by name and link, the report beside its run; a second time changes nothing."""
    chosen(place, "one")
    tags = presented(place)
    run = run_of(place, "one")
    report = f"#/experiments/{place.store.experiment_id}/runs/{run.info.run_id}/artifacts/report/index.html"

    assert tags[KIND] == "custom_model_development" and json.loads(tags[TAG])["name"] == "Leaderboard"
    assert f"[report page]({report})" in tags[NOTE] and "a\\|b leads." in tags[NOTE] and "**[one](" in tags[NOTE]
    assert run.data.tags[STANDING] == "champion" and run.data.tags[ROLE] == "candidate"
    assert all(report in run_of(place, name).data.tags[NOTE] for name in ("one", "two"))
    files = [item.path for item in place.store.client.list_artifacts(run.info.run_id, "report")]
    assert files == ["report/index.html"]
    assert presented(place) == tags and run_of(place, "one").data.tags == run.data.tags


def test_a_report_that_was_deleted_is_kept_again(place):
    """The store may have lost its files alone."""
    chosen(place, "one")
    presented(place)
    shutil.rmtree(place.root / "mlruns")
    presented(place)

    assert place.store.client.list_artifacts(run_of(place, "one").info.run_id, "report")


def test_another_champion_takes_the_mark(place):
    """And the report is kept with it."""
    chosen(place, "one")
    presented(place)
    chosen(place, "two", "<p>another</p>")
    presented(place)

    assert run_of(place, "one").data.tags[STANDING] == "" and run_of(place, "two").data.tags[STANDING] == "champion"
    assert run_of(place, "two").info.run_id in run_of(place, "one").data.tags[NOTE]


def test_a_dvc_experiment_has_a_champion_of_its_own(place, monkeypatch):
    """It leaves view, description and mark of the workspace as they are."""
    chosen(place, "one")
    before = presented(place)
    monkeypatch.setenv("DVC_EXP_NAME", "tried")
    chosen(place, "two")

    assert presented(place) == before
    assert run_of(place, "one").data.tags[STANDING] == "champion"
    assert run_of(place, "two").data.tags[STANDING] == "champion (tried)"
    assert "artifacts/report-tried/index.html" in run_of(place, "two").data.tags[NOTE]


def test_what_a_person_writes_stays(place):
    """A description that was edited in MLflow's pages is theirs."""
    presented(place)
    run_id = run_of(place, "one").info.run_id
    place.store.client.set_tag(run_id, NOTE, "mine")
    place.store.client.set_experiment_tag(place.store.experiment_id, NOTE, "ours")
    chosen(place, "one")

    assert presented(place)[NOTE] == "ours" and run_of(place, "one").data.tags[NOTE] == "mine"
    assert noted({NOTE: "old. " + FORMER}, "new")[NOTE] == "new" == noted({}, "new")[NOTE]
    assert noted({NOTE: "mine", OWN_NOTE: "0"}, "new") == {}


def test_the_view_is_one_that_every_store_takes():
    """Below 5,000 characters; sorted by the measure that names the champion, once in the table."""
    found = state("val_log_loss", True, "f" * 64)
    view = json.loads(saved_view(found, 1))

    assert len(saved_view(found, 1)) < 5000 and json.loads(view["state"]) == found
    assert found["orderByKey"] == "metrics.`val_log_loss`" and found["orderByAsc"] is True
    assert len(set(columns("test_accuracy"))) == len(columns("test_accuracy"))
    assert "mlflow.parentRunId%60%20%3D%20%27abc%27" in trials_of("1", "abc", "val_accuracy", False)


def test_names_from_data_are_escaped(tmp_path):
    """A failure with markup is shown as it is; a failed run has no numbers."""
    note = run_note(PARAMS, trail(tmp_path, "one", failure="<b>[x](y)|"), "#/here")

    assert "&lt;b&gt;\\[x\\](y)\\|" in note and "accuracy" not in note and "parameters" not in note


def test_tables_have_the_form_of_log_table(place):
    """Names of classes stay texts, also 1 and NA; the tag names the files that are there."""
    found = trail(place.root, "one")
    write_text(found.evaluation / "test_confusion_matrix.csv", "true,1,NA\n1,3,0\nNA,1,2\n")
    run_id = run_of(place, "one").info.run_id
    log_tables(place.store, run_id, found.evaluation)
    tag = json.loads(run_of(place, "one").data.tags["mlflow.loggedArtifacts"])
    path = place.store.client.download_artifacts(run_id, "tables/test_confusion_matrix.json", str(place.root))

    assert tag == [{"path": "tables/test_confusion_matrix.json", "type": "table"}]
    with open(path) as stream:
        assert json.load(stream) == {"columns": ["true", "1", "NA"], "data": [["1", 3, 0], ["NA", 1, 2]]}
    assert callable(as_table)


def test_epochs_that_are_logged_afterwards_have_their_times(tmp_path):
    """Between the begin and the end of the training, by the seconds that were noted."""
    layout = Layout(tmp_path)
    found = trail(tmp_path, "one")
    timing = {"train_wall_s": 10.0, "train_cpu_s": 4.0, "epoch_cpu_s": [1.0, 3.0, 4.0]}
    write_json(layout.run_record(found.key), {"finished": "2026-01-01T00:00:10Z", "timing": timing})
    times = epoch_times_ms(layout, found)

    assert [times[n] - times[1] for n in (1, 2, 3)] == [0, 5000, 7500]
    assert epoch_times_ms(layout, trail(tmp_path, "two")) == {}


@pytest.mark.slow
def test_the_runs_page_is_the_leaderboard(tmp_path, browser):
    """A real server in a real browser: the view's columns in their order, the best first, no trial, no other data."""
    from mlflow import MlflowClient

    with mlflow_server(tmp_path / "server") as (address, _):
        program = "from tests.core.tracking.test_presenting import fill; fill()"
        environment = {**os.environ, "MLFLOW_TRACKING_URI": address, "PLACE": str(tmp_path), "PYTHONPATH": str(PROJECT)}
        subprocess.run([sys.executable, "-c", program], env=environment, check=True, cwd=PROJECT)
        experiment = MlflowClient(address).get_experiment_by_name(PARAMS.dataset.name).experiment_id
        with opened(browser, f"{address}/{view_of(experiment)}") as page:
            page.set_default_timeout(120_000)
            page.get_by_text("2 matching runs").wait_for()
            names = page.locator(".ag-row a[href*='/runs/']").all_inner_texts()
            heads = page.locator("[role=columnheader]").evaluate_all(IN_ORDER)
            page.locator(".ag-row a", has_text="two").click()
            page.get_by_text("About this run").wait_for()
            with page.context.expect_page() as other:  # links of a description open a tab of their own
                page.get_by_role("link", name="report page").click()
            report = other.value.url

    assert report.endswith("/artifacts/report/index.html")
    heads = list(dict.fromkeys(head for head in heads if "_" in head or "." in head))
    assert [name for name in names if name in ("one", "two")] == ["two", "one"]
    assert heads[:3] == ["imagetrail.standing", "val_accuracy", "test_accuracy"]


def fill():
    """Put two candidates, a trial and a candidate of other data into the store that the environment names."""
    from pathlib import Path

    from stages.core.files import digest
    from stages.core.tracking.runs import log_metrics

    root = Path(os.environ["PLACE"])
    layout = Layout(root)
    write_text(layout.manifest, "manifest")
    store, made = connect(layout, PARAMS), SimpleNamespace(root=root, layout=layout)
    found = [trail(root, "one"), trail(root, "two"), trail(root, "three", parent="two"), trail(root, "four")]
    for number, each in enumerate(found):
        run_id = find_or_create(store, {"name": each.candidate.name, "key": each.key}, None)
        log_metrics(store, run_id, {**METRICS, "val_accuracy": 0.5 + number / 10})
        data = digest(layout.manifest) if number < 3 else "other"
        store.client.set_tag(run_id, "imagetrail.manifest_sha256", data)
        store.client.set_terminated(run_id)
    chosen(made, "two", "<!doctype html><h1>which model</h1>")
    present(store, layout, PARAMS, found)
