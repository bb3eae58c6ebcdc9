"""Files as they were at a git revision or DVC experiment, from DVC's cache or remote; nothing is checked out."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pandas as pd
import pyarrow.parquet as pq

from stages.core.errors import UserError
from stages.core.files import read_json
from stages.core.images.manifest import read_manifest
from stages.core.layout import Layout

WORKSPACE = "the workspace"


def manifest_at(layout: Layout, revision: str | None, columns: list[str]) -> pd.DataFrame:
    """Columns of the manifest of a revision, None for the workspace; a column it has not got is all missing.

    Raises UserError when the revision is unknown or has no manifest, or when its bytes are nowhere.
    """
    if revision is None:
        return read_manifest(layout.manifest, columns)
    with opened(layout, revision, layout.manifest) as stream:
        table = pq.ParquetFile(stream)
        frame = table.read([name for name in columns if name in table.schema_arrow.names]).to_pandas()
    return frame.reindex(columns=columns)


def source_at(layout: Layout, revision: str | None) -> dict[str, Any]:
    """Facts of source.json at a revision, None for the workspace; none where they can't be had."""
    try:
        if revision is None:
            return dict(read_json(layout.source / "source.json"))
        with opened(layout, revision, layout.source / "source.json") as stream:
            return dict(json.load(stream))
    except UserError:
        return {}


@contextmanager
def opened(layout: Layout, revision: str, path: Path) -> Iterator[IO[bytes]]:
    """Open a file of the project as DVC knows it at a revision. Raises UserError; see `manifest_at`."""
    name = path.relative_to(layout.root).as_posix()
    with explained(revision, name):
        files = files_at(layout, revision)
        if not recorded(files, name):
            raise UserError(f"{revision} has no {name}: no dvc.lock was committed there that names it")
        stream = files.open(name)
    with stream:
        yield stream


def files_at(layout: Layout, revision: str) -> Any:
    """Everything that git and DVC know at a revision, as a file system. Raises DVC's errors; see `explained`."""
    from dvc.api import DVCFileSystem

    return DVCFileSystem(str(layout.root), rev=revision, config=remotes(layout))


def names_at(layout: Layout, revision: str, folder: Path) -> list[str]:
    """What DVC knows in a folder at a revision, by name; nothing where it was not there. Raises UserError."""
    name = folder.relative_to(layout.root).as_posix()
    with explained(revision, name):
        files = files_at(layout, revision)
        try:
            found = [str(path) for path in files.ls(name, detail=False)]
        except FileNotFoundError:
            return []
        return sorted(path.rsplit("/", 1)[-1] for path in found if recorded(files, path))


def copied_at(layout: Layout, revision: str, folder: Path, place: Path) -> None:
    """Copy one of DVC's folders as it was at a revision. Raises UserError; see `manifest_at`."""
    name = folder.relative_to(layout.root).as_posix()
    with explained(revision, name):
        files_at(layout, revision).get(name, str(place), recursive=True)


@contextmanager
def explained(revision: str, name: str) -> Iterator[None]:
    """Turn DVC's errors of a revision, or of a file there, into sentences with a way out. Raises UserError."""
    from dvc.exceptions import DvcException, NotDvcRepoError
    from dvc.scm import RevError

    try:
        yield
    except RevError as error:
        raise UserError(
            f"{revision!r} is no git revision and no DVC experiment; see `git log`, `dvc exp list`"
        ) from error
    except NotDvcRepoError as error:
        raise UserError(f"{revision} has no DVC project; name a later revision") from error
    except (DvcException, OSError) as error:
        raise UserError(
            f"{name} of {revision} is neither in the cache nor in a remote: check that revision out, "
            "then `dvc pull` fetches it or `dvc repro validate` makes it again"
        ) from error


def remotes(layout: Layout) -> dict[str, Any]:
    """Today's remotes: an older revision may know none, or one that has moved since."""
    from dvc.config import Config

    known = Config(str(layout.root / ".dvc"))
    return {name: dict(known[name]) for name in ("core", "remote")}


def recorded(files: Any, name: str) -> bool:
    """Whether DVC knows a hash of the file at that revision."""
    try:
        return bool(files.info(name).get("md5"))
    except FileNotFoundError:
        return False


def named(revision: str | None) -> str:
    """A revision for people."""
    return revision or WORKSPACE
