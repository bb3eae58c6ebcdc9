"""The condition of a SQLite store, seen without MLflow: it would build tables where it finds none."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

REVISION = re.compile(r"^(down_revision|revision)\b[^=]*=\s*['\"](\w+)['\"]", re.MULTILINE)
NEEDED = {"experiments", "runs", "metrics", "params", "tags", "registered_models"}


@dataclass(frozen=True)
class Condition:
    """A store's state: whole, new, half-made, damaged, older, newer or locked; with its revision and its runs."""

    state: str
    revision: str = ""
    n_runs: int = 0


def condition(path: Path) -> Condition:
    """Look at a store's file; writes nothing and waits for no lock."""
    if not path.exists():
        return Condition("new")
    try:
        with reading(path) as store:
            tables = {name for (name,) in store.execute("select name from sqlite_master where type = 'table'")}
            n_runs = one(store, "select count(*) from runs") if "runs" in tables else 0
            revision = one(store, "select max(version_num) from alembic_version") if "alembic_version" in tables else ""
            if store.execute("pragma quick_check(1)").fetchone() != ("ok",):
                return Condition("damaged")
    except sqlite3.OperationalError as error:
        return Condition("locked" if "locked" in str(error) else "damaged")
    except sqlite3.DatabaseError:
        return Condition("damaged")
    return Condition(state_of(tables, str(revision or ""), int(n_runs)), str(revision or ""), int(n_runs))


def state_of(tables: set[str], revision: str, n_runs: int) -> str:
    """Tell a half-made store from one of another version: MLflow names each step it has taken, and runs come last."""
    known, newest = revisions()
    if tables >= NEEDED and revision in newest:
        return "whole"
    if n_runs == 0:
        return "half-made"
    return "older" if revision in known or not revision else "newer"


@contextmanager
def reading(path: Path, patience_s: float = 0.5) -> Iterator[sqlite3.Connection]:
    """Open a store for reading alone; waits so long for one who writes."""
    store = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=patience_s)
    try:
        yield store
    finally:
        store.close()


def experiment_id(path: Path, name: str) -> str:
    """Id of an experiment; empty before it is there."""
    with reading(path) as store:
        found = store.execute("select experiment_id from experiments where name = ?", (name,)).fetchone()
    return str(found[0]) if found else ""


def one(store: sqlite3.Connection, query: str) -> Any:
    """The single value that a query gives."""
    return store.execute(query).fetchone()[0]


def revisions() -> tuple[set[str], set[str]]:
    """Every revision of a store that the installed MLflow knows, and the newest, read from its files."""
    spec = find_spec("mlflow")
    folder = Path((spec.submodule_search_locations or [""])[0] if spec else "") / "store/db_migrations/versions"
    found = [REVISION.findall(path.read_text(encoding="utf-8")) for path in folder.glob("*.py")]
    known = {name for each in found for key, name in each if key == "revision"}
    return known, known - {name for each in found for key, name in each if key == "down_revision"}


def running(path: Path, key: str, process: str) -> list[tuple[str, str, str]]:
    """Id, name and process of every run that a SQLite store calls RUNNING and imagetrail made."""
    query = """select runs.run_uuid, runs.name, coalesce(owner.value, '') from runs
        join tags as mark on mark.run_uuid = runs.run_uuid and mark.key = ?
        left join tags as owner on owner.run_uuid = runs.run_uuid and owner.key = ?
        where runs.status = 'RUNNING' and runs.lifecycle_stage = 'active'"""
    with reading(path) as store:
        return [(str(i), str(name), str(owner)) for i, name, owner in store.execute(query, (key, process))]
