"""What a person meets first in MLflow's pages: the leaderboard as a view, descriptions, champion and report."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stages.core.files import digest, read_json, text_digest
from stages.core.layout import Layout
from stages.core.reporting.standing import lower_is_better
from stages.core.settings.params import Params
from stages.core.tracking.descriptions import experiment_note, run_note
from stages.core.tracking.runs import find, log_files
from stages.core.tracking.saved_view import (
    CANDIDATE,
    KIND,
    ROLE,
    STANDING,
    TAG,
    TRAINING,
    TRIAL,
    saved_view,
    state,
    trials_of,
)
from stages.core.tracking.store import Store
from stages.core.tracking.trails import Trail, experiment, run_name

NOTE, OWN_NOTE = "mlflow.note.content", "imagetrail.note"
REPORT, REPORT_SHA = "imagetrail.report", "imagetrail.report_sha256"
FOLDER = "report"
FORMER = "everything behind it stands in the artifact `candidate.json`."  # how descriptions ended that had no OWN_NOTE


def present(store: Store, layout: Layout, params: Params, trails: Iterable[Trail]) -> None:
    """Bring the experiment's view and description, and the descriptions of these runs, up to date; idempotent.

    A DVC experiment leaves the view and the description of the workspace as they are.
    """
    about = store.client.get_experiment(store.experiment_id)
    path = layout.reports / "champion.json"
    chosen = read_json(path) if path.exists() else {}
    champion = find(store, chosen["key"]) if chosen.get("key") else None
    report = with_report(store, layout, champion) if champion else about.tags.get(REPORT, "")
    place = page_of(store, champion.info.run_id) if champion else ""
    note = experiment_note(params, store.experiment_id, chosen if champion else {}, place, report)
    tags = {KIND: TRAINING, TAG: view(layout, params, about), **({REPORT: report} if report else {})}
    for key, value in {**tags, **noted(about.tags, note)}.items():
        if about.tags.get(key) != value and (not experiment() or key not in about.tags):
            store.client.set_experiment_tag(store.experiment_id, key, value)
    for trail in trails:
        describe(store, params, trail, report)


def view(layout: Layout, params: Params, about: Any) -> str:
    """The leaderboard of today's manifest, as the runs page keeps a view."""
    measure = params.tree.report.champion.measure
    manifest = digest(layout.manifest) if layout.manifest.exists() else ""
    return saved_view(state(measure, lower_is_better(measure), manifest), int(about.creation_time or 0))


def page_of(store: Store, run_id: str) -> str:
    """The address of a run's page below that of the server."""
    return f"#/experiments/{store.experiment_id}/runs/{run_id}"


def with_report(store: Store, layout: Layout, champion: Any) -> str:
    """Mark the champion, keep the report page with its run, and return the address of that; once for the same files.

    In a DVC experiment the mark and the folder carry its name: its champion is not that of the workspace.
    """
    run_id, mark = str(champion.info.run_id), run_name("champion")
    folder = f"{FOLDER}-{experiment()}" if experiment() else FOLDER
    for run in store.client.search_runs([store.experiment_id], f"tags.`{STANDING}` = '{mark}'"):
        if run.info.run_id != run_id:
            store.client.set_tag(run.info.run_id, STANDING, "")
    page = layout.reports / "index.html"
    sha256 = f"{digest(page)} {folder}" if page.exists() else ""
    if champion.data.tags.get(STANDING) != mark:
        store.client.set_tag(run_id, STANDING, mark)
    kept = sha256 and champion.data.tags.get(REPORT_SHA) == sha256
    if sha256 and not (kept and store.client.list_artifacts(run_id, folder)):  # someone may have deleted mlruns/ alone
        log_files(store, run_id, [page, *others(layout)], layout.reports, folder)
        store.client.set_tag(run_id, REPORT_SHA, sha256)
    return f"{page_of(store, run_id)}/artifacts/{folder}/index.html" if sha256 else ""


def others(layout: Layout) -> list[Path]:
    """What stands beside the report page and is kept with it."""
    return [path for path in (layout.reports / "leaderboard.csv", layout.pareto, layout.card) if path.exists()]


def describe(store: Store, params: Params, trail: Trail, report: str) -> None:
    """Bring the description of a run up to date."""
    run = find(store, trail.key)
    if run is None:
        return
    rule = params.tree.report.champion.measure
    has_trials = "search" in trail.candidate.record
    trials = trials_of(store.experiment_id, run.info.run_id, rule, lower_is_better(rule)) if has_trials else ""
    note = run_note(params, trail, page_of(store, run.info.run_id), report, trials)
    for key, value in {ROLE: TRIAL if trail.parent else CANDIDATE, **noted(run.data.tags, note)}.items():
        if run.data.tags.get(key) != value:
            store.client.set_tag(run.info.run_id, key, value)


def noted(tags: dict[str, str], note: str) -> dict[str, str]:
    """The description as tags; none where a person has written one since, which is left alone."""
    there = tags.get(NOTE, "")
    if there and text_digest(there)[:16] != tags.get(OWN_NOTE) and not there.endswith(FORMER):
        return {}
    return {NOTE: note, OWN_NOTE: text_digest(note)[:16]}
