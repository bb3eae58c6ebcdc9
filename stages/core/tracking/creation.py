"""Making a SQLite store: whole or not at all, by however many processes at once."""

import os
from functools import partial
from pathlib import Path

from filelock import FileLock

from stages.core.files import remove, sweep
from stages.core.tracking.waiting import within

SQLITE = "sqlite:///"


def sqlite_path(uri: str) -> Path | None:
    """The file behind the address of a store; None where it is no plain SQLite file."""
    return Path(uri.removeprefix(SQLITE)) if uri.startswith(SQLITE) and "?" not in uri else None


def make_sqlite(path: Path, artifacts: Path, limit_s: float) -> None:
    """Make a store where there is none. Raises what SQLite and the disk do, and NoAnswer.

    MLflow builds its tables in some 60 steps, of which two processes disturb each other and a killed one leaves a
    file that no MLflow opens. So it is built under a name of its own and renamed by whoever is first.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        within(limit_s, partial(create, temporary, artifacts), counts_bytes=True)
        within(limit_s, partial(place, temporary, path))
    finally:
        for left in (temporary, Path(f"{temporary}-journal")):
            remove(left)


def create(path: Path, artifacts: Path) -> None:
    """Build every table, and the experiment that MLflow wants in each store."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore(f"{SQLITE}{path}", artifacts.as_uri()).engine.dispose()


def place(temporary: Path, path: Path) -> None:
    """Give a store its name, unless another process was faster."""
    with FileLock(path.with_name(f"{path.name}.lock")):
        if not path.exists():
            temporary.rename(path)
