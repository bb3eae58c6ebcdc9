"""Making a store usable again. Nothing is ever deleted: what is replaced is moved aside."""

import os
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from stages.core.errors import UserError
from stages.core.files import remove
from stages.core.layout import Layout
from stages.core.settings.params import Params
from stages.core.tracking.condition import condition, running
from stages.core.tracking.creation import SQLITE, make_sqlite, sqlite_path
from stages.core.tracking.mirror import mirror_present
from stages.core.tracking.owner import PROCESS, alive
from stages.core.tracking.runs import KEY
from stages.core.tracking.store import client_of, connect, experiment_name, probe, quieted, tracking_uri
from stages.core.tracking.waiting import within

AT_MOST_S = 1.5  # of the few seconds that the doctor has
MIGRATED = ".migrated-to-sqlite"  # beside what an MLflow file store holds: it stays where it is


def moved_aside(path: Path) -> Path:
    """Give a store, and what SQLite keeps beside it, a name of its own; returns it."""
    target = path.with_name(f"{path.name}.broken-{time.strftime('%Y%m%d-%H%M%S')}")
    for suffix in ("", "-journal", "-wal", "-shm"):
        if (part := Path(f"{path}{suffix}")).exists():
            part.rename(f"{target}{suffix}")
    return target


def made_anew(layout: Layout, params: Params, path: Path) -> str:
    """Replace a store that can't be used by a new one with every run that files tell of. Raises UserError."""
    kept = moved_aside(path)
    make_sqlite(path, layout.main_checkout / "mlruns", params.tree.tracking.timeout_s)
    touched = mirror_present(layout, params)
    if touched is None:
        raise UserError(f"{path.name} was moved to {kept.name}, and the new one could not be completed")
    return f"moved {path.name} to {kept.name}, made it anew and completed {touched} runs from files"


def upgraded(path: Path) -> str:
    """Bring a store of an older MLflow to the installed one, in a copy that takes its place. Raises UserError."""
    copy = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        shutil.copy(path, copy)
        mlflow("db", "upgrade", f"{SQLITE}{copy}")
        if condition(copy).state != "whole":
            raise UserError(f"{path.name} could not be upgraded: it is {condition(copy).state} afterwards")
        kept = moved_aside(path)
        copy.rename(path)
    finally:
        remove(copy)
    return f"upgraded {path.name}; as it was, it is {kept.name}"


def migrated(files: Path, path: Path) -> str:
    """Take the runs of an MLflow file store over into SQLite: into the store, or beside one that holds runs.

    MLflow's own tool does it, into an empty store only. Raises UserError when it fails.
    """
    beside = condition(path).n_runs > 0
    target = path.with_name(f"{path.stem}-from-files.db") if beside else path
    temporary = path.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        mlflow("migrate-filestore", "--source", str(files), "--target", f"{SQLITE}{temporary}", "--no-progress")
        if target.exists():
            moved_aside(target)
        temporary.rename(target)
    finally:
        remove(temporary)
    (files / MIGRATED).write_text(f"{target.name}\n")
    return f"took the runs of {files.name}/ over into {target.name}; their files stay where they are"


def mlflow(*arguments: str) -> None:
    """Run a command of MLflow's. Raises UserError with its last line when it fails."""
    done = subprocess.run([sys.executable, "-m", "mlflow", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"`mlflow {arguments[0]}` failed: {(done.stderr.strip() or '?').splitlines()[-1][:200]}")


def left_running(layout: Layout, params: Params) -> list[tuple[str, str, bool | None]]:
    """Id, name and whether its process lives, of every run of ours called RUNNING; None where that can't be known."""
    path = sqlite_path(tracking_uri(layout))
    if path:
        whole = condition(path).state == "whole"
        return [(i, name, alive(owner)) for i, name, owner in (running(path, KEY, PROCESS) if whole else [])]
    return asked(tracking_uri(layout), params)


def asked(uri: str, params: Params) -> list[tuple[str, str, bool | None]]:
    """The same from a server. Raises UserError when it does not answer soon: the doctor does not wait."""
    try:
        within(AT_MOST_S, partial(probe, uri, AT_MOST_S))
        quieted(AT_MOST_S)
        client = client_of(uri, AT_MOST_S)
        found = client.get_experiment_by_name(experiment_name(params))
        query = "attributes.status = 'RUNNING'"
        runs = client.search_runs([found.experiment_id], query, max_results=1000) if found else []
    except OSError as error:
        raise UserError(str(error)) from error
    ours = [run for run in runs if KEY in run.data.tags]
    return [(run.info.run_id, run.info.run_name, alive(run.data.tags.get(PROCESS, ""))) for run in ours]


def ended(layout: Layout, params: Params, run_ids: list[str]) -> str:
    """Mark runs as KILLED."""
    client: Any = connect(layout, params).client
    for run_id in run_ids:
        client.set_terminated(run_id, "KILLED")
    return f"marked {len(run_ids)} runs as KILLED"
