"""A SQLite store that was moved or copied with its project: the places of its artifacts follow it.

MLflow keeps the place of every experiment, run and model as an absolute address. So a copy of a project would write
into the original, and a moved one would make its old folder again.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from stages.core.tracking.condition import reading

MOVES = (
    "update experiments set artifact_location = moved(artifact_location)",
    "update runs set artifact_uri = moved(artifact_uri)",
    "update logged_models set artifact_location = moved(artifact_location)",
    "update model_versions set source = moved(source), storage_location = moved(storage_location)",
)
DEFAULT = "0"  # id of the experiment that every store begins with: its place is made with the store
PATIENCE_S = 20.0  # for another process that writes


def belongs_to(path: Path, project: Path) -> bool:
    """Whether a store lies in the project, and so is its own; one elsewhere may be shared, and is left alone."""
    return path.resolve().is_relative_to(project)


def foreign_root(path: Path, artifacts: Path) -> str | None:
    """Address of the artifacts of a store that was made in another folder; None where they are in their place.

    Raises sqlite3.Error where it can't be read.
    """
    with reading(path, PATIENCE_S) as store:
        query = "select artifact_location from experiments where cast(experiment_id as text) = ?"
        row = store.execute(query, (DEFAULT,)).fetchone()
    root, _, last = str(row[0] if row else "").rpartition("/")
    made_by_us = root.startswith("file:///") and root.endswith(f"/{artifacts.name}") and last == DEFAULT
    return root if made_by_us and root != artifacts.as_uri() else None


def relocate(path: Path, artifacts: Path) -> str | None:
    """Let every place below the former root lie below `artifacts`; whole or not at all, and again without effect.

    Returns the former root; None where nothing was to be done. Raises sqlite3.Error where it can't be written.
    """
    old = foreign_root(path, artifacts)
    if old is None:
        return None
    new = artifacts.as_uri()

    def moved(place: str | None) -> str | None:
        return new + place.removeprefix(old) if place and place.startswith(f"{old}/") else place

    with closing(sqlite3.connect(path, timeout=PATIENCE_S)) as store, store:
        store.create_function("moved", 1, moved, deterministic=True)
        for move in MOVES:
            store.execute(move)
    return old


def runs_without_artifacts(path: Path, key: str) -> list[str]:
    """Names of finished runs with a tag that have a local place and no file in it."""
    query = """select runs.name, runs.artifact_uri from runs
        join tags on tags.run_uuid = runs.run_uuid and tags.key = ?
        where runs.status = 'FINISHED' and runs.lifecycle_stage = 'active'"""
    with reading(path) as store:
        rows = [(str(name), str(uri)) for name, uri in store.execute(query, (key,))]
    return [name for name, uri in rows if uri.startswith("file:///") and not any_file(uri)]


def any_file(uri: str) -> bool:
    """Whether a local address is that of a folder that holds something."""
    folder = Path(unquote(urlsplit(uri).path))
    return folder.is_dir() and next(folder.iterdir(), None) is not None
