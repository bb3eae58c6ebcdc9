"""A whole SQLite store, read without MLflow, whose import takes seconds: enough to see that nothing is missing in it.

It answers the few questions that completing a run asks first. Whatever would change the store raises Missing.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

from stages.core.tracking.condition import one, reading, revisions


class Missing(Exception):
    """Something of the store has to be written, or can't be read without MLflow."""


@dataclass(frozen=True)
class Reader:
    """Stands in for MLflow's client, with what it gives out as plain values."""

    store: sqlite3.Connection

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Every other call, each of which would write or is never asked first."""
        raise Missing(name)

    def get_experiment(self, experiment_id: str) -> Any:
        """Tags and time of creation of an experiment."""
        query = "select creation_time from experiments where experiment_id = ?"
        tags = self.store.execute("select key, value from experiment_tags where experiment_id = ?", (experiment_id,))
        (created,) = self.store.execute(query, (experiment_id,)).fetchone()
        return SimpleNamespace(tags=dict(tags.fetchall()), creation_time=created)

    def search_runs(self, experiment_ids: list[str], query: str, max_results: int = 1000) -> list[Any]:
        """Runs that are not deleted, by one tag: tags.`key` = 'value'; the newest first, as MLflow orders them."""
        parts = query.split("`")
        if len(parts) != 3 or parts[0] != "tags." or not parts[2].startswith(" = '"):
            raise Missing(query)
        found = self.store.execute(
            """select runs.run_uuid, runs.status from runs join tags on tags.run_uuid = runs.run_uuid
            where runs.experiment_id = ? and runs.lifecycle_stage = 'active' and tags.key = ? and tags.value = ?
            order by runs.start_time desc, runs.run_uuid limit ?""",
            (*experiment_ids, parts[1], parts[2][4:-1], max_results),
        )
        return [self.run(run_id, status) for run_id, status in found.fetchall()]

    def run(self, run_id: str, status: str) -> Any:
        """Id, status and tags of a run."""
        tags = dict(self.store.execute("select key, value from tags where run_uuid = ?", (run_id,)).fetchall())
        return SimpleNamespace(info=SimpleNamespace(run_id=run_id, status=status), data=SimpleNamespace(tags=tags))

    def list_artifacts(self, run_id: str, path: str = "") -> list[Any]:
        """What lies in a folder of a run's artifacts, where those are files of this machine."""
        (uri,) = self.store.execute("select artifact_uri from runs where run_uuid = ?", (run_id,)).fetchone()
        place = urlsplit(uri)
        if place.scheme not in ("", "file"):
            raise Missing(uri)
        root = Path(unquote(place.path))
        return [SimpleNamespace(path=item.relative_to(root).as_posix()) for item in sorted((root / path).glob("*"))]


@contextmanager
def read_store(path: Path, experiment: str) -> Iterator[tuple[Reader, str]]:
    """Yield a reader of a store of the installed MLflow, and the experiment's id. Raises Missing, sqlite3.Error."""
    if not path.exists():
        raise Missing(str(path))
    with reading(path) as store:
        if one(store, "select max(version_num) from alembic_version") not in revisions()[1]:
            raise Missing("its tables are those of another version")
        query = "select experiment_id from experiments where name = ? and lifecycle_stage = 'active'"
        found = store.execute(query, (experiment,)).fetchone()
        if found is None:
            raise Missing(experiment)
        yield Reader(store), str(found[0])
