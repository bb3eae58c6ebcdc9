"""Where an image is found: in the manifests of all revisions, under its own name or another, and in which models."""

import contextlib
import hashlib
import io
import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from stages.core.auditing.chain import Line, read_chain
from stages.core.auditing.dvc_lock import Lock, read_lock
from stages.core.auditing.entries import CANDIDATE
from stages.core.auditing.finding import Unknown
from stages.core.auditing.holder import called, lock_at
from stages.core.auditing.revision_of import with_lock
from stages.core.candidates.candidate import RECORD
from stages.core.errors import UserError
from stages.core.files import read_json
from stages.core.gate.measuring import described
from stages.core.images.decoding import NotAnImage, decode
from stages.core.layout import Layout
from stages.core.revisiting.revisions import WORKSPACE, opened

COLUMNS = ["path", "label", "split", "sha256", "pixel_sha256", "near"]
FOLDERS = ("data/candidates/", "data/combined/")
SHORTEST = 6  # characters of a hash


@dataclass
class DataSet:
    """A manifest: its hash, the revisions that have it, and its rows; None where its bytes are nowhere."""

    sha256: str
    revisions: list[str]
    rows: pd.DataFrame | None


@dataclass
class Wanted:
    """What is looked for: a name in the data set, and hashes of its bytes or pixels (or their beginnings)."""

    name: str | None = None
    hashes: set[str] = field(default_factory=set)

    @property
    def whole(self) -> bool:
        """Whether a whole hash says which image is meant: only then is its absence more than a slip of the pen."""
        return any(len(text) == 64 for text in self.hashes)

    def matches(self, rows: pd.DataFrame) -> pd.Series:
        """Whether each row is the image: by name or by hash."""
        found = rows["path"] == self.name
        for text in self.hashes:
            found |= rows["sha256"].str.startswith(text, na=False) | rows["pixel_sha256"].str.startswith(text, na=False)
        return found


def wanted_of(text: str) -> Wanted:
    """Read what a person typed: an image file, the beginning of a hash, or a path within the data set."""
    path = Path(text)
    if path.is_file():
        data = path.read_bytes()
        hashes = {hashlib.sha256(data).hexdigest()}
        with contextlib.suppress(NotAnImage):
            hashes.add(str(described(decode(data))["pixel_sha256"]))
        return Wanted(None, hashes)
    if len(text) >= SHORTEST and set(text) <= set("0123456789abcdef"):
        return Wanted(None, {text})
    return Wanted(text)


def data_sets(layout: Layout) -> list[DataSet]:
    """Every manifest that the checkout, a commit or an experiment has, each once, the newest first."""
    found: dict[str, DataSet] = {}
    for revision, called_so, lock in locks(layout):
        md5 = lock.md5s("validate", "outs").get("data/manifest.parquet")
        if md5 in found:
            found[md5].revisions.append(called_so)
        elif md5:
            found[md5] = read_data_set(layout, revision, called_so, md5)
    return list(found.values())


def locks(layout: Layout) -> list[tuple[str | None, str, Lock]]:
    """dvc.lock of the checkout, then of every revision: revision (None for the checkout), its name, the lock."""
    found: list[tuple[str | None, str, Lock]] = []
    with contextlib.suppress(Unknown, ValueError):
        found.append((None, WORKSPACE, read_lock(layout.root / "dvc.lock")))
    for revision in with_lock(layout):
        if lock := lock_at(layout.root, revision):
            found.append((revision, called(layout.root, revision), lock))
    return found


def read_data_set(layout: Layout, revision: str | None, called_so: str, md5: str) -> DataSet:
    """Read a manifest from the checkout, DVC's cache or a remote."""
    try:
        if revision is None:
            data = layout.manifest.read_bytes()
        else:
            with opened(layout, revision, layout.manifest) as stream:
                data = stream.read()
        if hashlib.md5(data, usedforsecurity=False).hexdigest() != md5:
            raise UserError("another manifest lies there")
    except (UserError, OSError):
        return DataSet(md5, [called_so], None)
    rows = pq.read_table(io.BytesIO(data), columns=COLUMNS).to_pandas()
    return DataSet(hashlib.sha256(data).hexdigest(), [called_so], rows)


def completed(wanted: Wanted, sets: list[DataSet]) -> Wanted:
    """Add the pixels of what was found, so that a copy under another name or in another format is found as well."""
    hashes = set(wanted.hashes)
    for one in sets:
        if one.rows is not None:
            hashes |= set(one.rows.loc[wanted.matches(one.rows), "pixel_sha256"].dropna())
    return Wanted(wanted.name, hashes)


def near_copies(rows: pd.DataFrame, found: pd.DataFrame) -> list[str]:
    """Paths of images that the gate took for nearly the same picture as one that was found."""
    leaders = set(found["near"].dropna()) | set(found["path"])
    near = rows["near"].isin(leaders) | rows["path"].isin(set(found["near"].dropna()))
    return list(rows.loc[near & ~rows["path"].isin(found["path"]), "path"])


def models(layout: Layout) -> list[Line]:
    """Lines of the ledger about candidates that became a model, the oldest first."""
    lines = [line for line in read_chain(layout.ledger).lines if line.kind == CANDIDATE]
    return sorted((line for line in lines if not line.body.get("failure")), key=lambda line: line.time)


def unrecorded(layout: Layout) -> list[str]:
    """Candidates that a revision's dvc.lock holds and no line of the ledger names; those that can't be read, too."""
    keys = {line.body.get("key") for line in read_chain(layout.ledger).lines if line.kind == CANDIDATE}
    found, seen = [], set[str]()
    for revision, called_so, lock in locks(layout):
        outs = {path: md5 for stage in lock.stages for path, md5 in lock.md5s(stage, "outs").items()}
        for path, md5 in outs.items():
            if path.startswith(FOLDERS) and md5 not in seen:
                seen.add(md5)
                if key_at(layout, revision, path) not in keys:
                    found.append(f"{path.rsplit('/', 1)[1]} of {called_so}")
    return found


def key_at(layout: Layout, revision: str | None, out: str) -> str | None:
    """Key of a candidate at a revision; None where it can't be read."""
    path = layout.root / out / RECORD
    try:
        if revision is None:
            return str(read_json(path)["key"])
        with opened(layout, revision, path) as stream:
            return str(json.load(stream)["key"])
    except (UserError, OSError, ValueError, KeyError):
        return None


def made_after(line: Line, limit: datetime) -> bool:
    """Whether a line is later than a time; one whose time can't be read is."""
    try:
        return datetime.fromisoformat(line.time) > limit
    except ValueError:
        return True
