"""store: MLflow's store answers, is whole, and is of the installed version."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from stages.core.doctor.findings import Finding, Patient, ok
from stages.core.files import listed
from stages.core.tracking.condition import condition
from stages.core.tracking.creation import sqlite_path
from stages.core.tracking.relocation import belongs_to, foreign_root, runs_without_artifacts
from stages.core.tracking.repairs import AT_MOST_S, MIGRATED, made_anew, migrated, upgraded
from stages.core.tracking.runs import KEY
from stages.core.tracking.secrets import scrubbed
from stages.core.tracking.store import follow_project, probe, shown_uri, tracking_uri
from stages.core.tracking.waiting import within


def examine(patient: Patient) -> Iterator[Finding]:
    """Look at the file, or ask the server; and for an MLflow file store that nothing reads any more."""
    uri = tracking_uri(patient.layout)
    path = sqlite_path(uri)
    if path:
        yield of_sqlite(patient, path)
    elif uri.startswith("http"):
        yield of_server(uri)
    elif "://" not in uri or uri.startswith("file:"):
        advice = "unset MLFLOW_TRACKING_URI, then `imagetrail doctor --repair` takes its runs over into mlflow.db"
        yield Finding("broken", f"{scrubbed(uri)} is a folder, which MLflow no longer writes to", advice)
    else:
        yield ok(f"{shown_uri(patient.layout)} is not examined")
    yield from of_files(patient, path)


def of_sqlite(patient: Patient, path: Path) -> Finding:
    """Say how the file of a store is."""
    found, layout = condition(path), patient.layout
    anew = "--repair moves it aside, makes it anew and completes it from files"
    told = {
        "new": ok(f"{path.name} is not there yet; the first run makes it"),
        "whole": ok(f"{path.name} is whole and holds {found.n_runs} runs"),
        "locked": Finding("warning", f"{path.name} is locked by another process", "runs wait for tracking.timeout_s"),
        "newer": Finding("broken", f"{path.name} is of a newer MLflow ({found.revision})", "run `make setup`"),
    }
    if found.state == "older":
        text = f"{path.name} is of an older MLflow ({found.revision or 'before 1.0'})"
        return Finding("broken", text, "--repair upgrades a copy and keeps the old one", partial(upgraded, path))
    if found.state == "whole" and (misplaced := of_artifacts(patient, path)):
        return misplaced
    if found.state in told:
        return told[found.state]
    text = f"{path.name} is {found.state}: no run can be written to it"
    return Finding("broken", text, anew, lambda: made_anew(layout, patient.params, path))


def of_artifacts(patient: Patient, path: Path) -> Finding | None:
    """Say where a store keeps its artifacts in another folder, or has lost them; None where all is well."""
    project = patient.layout.main_checkout
    if not belongs_to(path, project):
        return None
    if old := foreign_root(path, project / "mlruns"):
        text = f"{path.name} was moved or copied with its project, and still keeps its artifacts in {old}"
        advice = f"--repair, or the next run, lets them be in {project / 'mlruns'}"
        return Finding("broken", text, advice, partial(follow_project, path, project))
    if bare := runs_without_artifacts(path, KEY):
        text = f"{len(bare)} runs of {path.name} have no files in mlruns/: {listed(bare)}"
        return Finding("warning", text, "`imagetrail sync` brings back those of the candidates that are here")
    return None


def of_server(uri: str) -> Finding:
    """Say whether a server answers."""
    try:
        within(AT_MOST_S, partial(probe, uri, AT_MOST_S))
    except OSError as error:
        text = f"the store (MLFLOW_TRACKING_URI): {scrubbed(str(error))[:150]}"
        return Finding("broken", text, "runs go on without it; `imagetrail sync` completes them once it is back")
    return ok(f"{scrubbed(uri)} answers")


def of_files(patient: Patient, path: Path | None) -> Iterator[Finding]:
    """An MLflow file store beside the project, unless its runs were taken over."""
    files = patient.layout.main_checkout / "mlruns"
    found = [each for each in files.glob("*/meta.yaml") if each.parent.name not in ("models", ".trash")]
    if not found or (files / MIGRATED).exists():
        return
    runs = sum(1 for _ in files.glob("*/*/meta.yaml"))
    text = f"mlruns/ is an MLflow file store with {runs} runs, which MLflow no longer reads"
    repair = partial(migrated, files, path) if path else None
    yield Finding("warning", text, "--repair takes its runs over into SQLite", repair)
