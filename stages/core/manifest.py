"""The manifest: one row an image, with its hashes, size and split; later nodes read it and list no folder."""

import hashlib
import multiprocessing
import os
import zipfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from stages.core.decoding import NotAnImage, decode
from stages.core.errors import UserError

SPLITS = ("train", "val", "test")
SPLIT_FOLDERS = {
    "train": "train", "training": "train", "seg_train": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test", "seg_test": "test",
}  # fmt: skip
CHUNK = 256  # images a task of a worker: about 20 ms of work
ALONE = 4000  # below this many images, starting workers costs more than they save


def measured(archive: Path, n_workers: int | None = None) -> Iterator[dict[str, Any]]:
    """Yield a manifest row for every image of the zip, in its order, each decoded once, on all cores."""
    with zipfile.ZipFile(archive) as source:
        names = source.namelist()
    chunks = [names[start : start + CHUNK] for start in range(0, len(names), CHUNK)]
    for rows in mapped(measure_chunk, [(archive, chunk) for chunk in chunks], len(names), n_workers):
        yield from rows


def mapped(work: Any, tasks: list[Any], n_images: int, n_workers: int | None = None) -> Iterable[Any]:
    """Yield work(task) in order: in worker processes where the images are many, else here."""
    n_workers = n_workers or len(os.sched_getaffinity(0))
    if n_images < ALONE or n_workers == 1:
        yield from map(work, tasks)
        return
    with ProcessPoolExecutor(n_workers, mp_context=multiprocessing.get_context("forkserver")) as pool:
        yield from pool.map(work, tasks)


def measure_chunk(task: tuple[Path, list[str]]) -> list[dict[str, Any]]:
    """Measure some members of a zip; runs in a worker."""
    archive, names = task
    source = opened(archive, archive.stat().st_mtime_ns)
    return [measure(name, source.read(name)) for name in names]


@contextmanager
def intact(archive: Path) -> Iterator[None]:
    """Say what to do when the zip that the block reads is missing or damaged. Raises UserError."""
    if not archive.exists():
        raise UserError(f"{archive} is missing; run `dvc repro download`")
    try:
        yield
    except zipfile.BadZipFile as error:
        raise UserError(f"{archive} is damaged ({error}); `dvc repro -f download` makes it anew") from error


@lru_cache(maxsize=1)
def opened(archive: Path, mtime_ns: int) -> zipfile.ZipFile:
    """Open a zip once a process: reading the list of 27,000 members takes as long as decoding 700 images."""
    return zipfile.ZipFile(archive)


def measure(name: str, data: bytes) -> dict[str, Any]:
    """Return one manifest row; an unreadable image has `error` set and no size."""
    label, split = placed(name)
    row: dict[str, Any] = {"path": name, "label": label, "given_split": split, "group": None}
    row |= {"sha256": hashlib.sha256(data).hexdigest(), "n_bytes": len(data)}
    try:
        image = decode(data)
    except NotAnImage as error:
        return row | {"error": str(error)}
    height, width = image.pixels.shape[:2]
    pixels = hashlib.sha256(f"{height}x{width}".encode() + image.pixels.tobytes()).hexdigest()
    size = {"width": width, "height": height, "mode": image.mode, "format": image.format}
    return row | size | {"pixel_sha256": pixels, "flags": " ".join(image.flags), "error": None}


def placed(name: str) -> tuple[str, str | None]:
    """Return the class (the last folder) and the predefined split (train / val / test folder) of a path.

    Raises UserError for an image in no class folder.
    """
    folders = PurePosixPath(name).parts[:-1]
    splits = [SPLIT_FOLDERS[part.lower()] for part in folders[:-1] if part.lower() in SPLIT_FOLDERS]
    if not folders or (len(folders) == 1 and folders[0].lower() in SPLIT_FOLDERS):
        raise UserError(f"{name} lies in no class folder; put each image in a folder with the name of its class")
    return folders[-1], splits[0] if splits else None


COLUMNS = {
    "path": "str", "label": "str", "split": "str", "given_split": "str", "group": "str",
    "sha256": "str", "pixel_sha256": "str", "width": "Int32", "height": "Int32", "mode": "str",
    "format": "str", "n_bytes": "int64", "flags": "str", "error": "str",
}  # fmt: skip


def table(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Return rows as a manifest with typed columns, `split` still empty."""
    frame = pd.DataFrame(list(rows)).reindex(columns=list(COLUMNS))
    return frame.astype(COLUMNS)


def read_manifest(path: Path) -> pd.DataFrame:
    """Read a manifest. Raises UserError when the gate has not let one through."""
    if not path.exists():
        raise UserError(
            f"{path.name} does not exist: the data has not passed the gate. "
            "Run `dvc repro validate` and read reports/validation/index.html"
        )
    return pd.read_parquet(path)


def class_names(manifest: pd.DataFrame) -> list[str]:
    """Names of the classes in the order of their ids: sorted by code point, whatever a file system says."""
    return sorted(manifest["label"].unique())


def rows_of(manifest: pd.DataFrame, split: str) -> pd.DataFrame:
    """Rows of one split, in manifest order: the order of the packed images."""
    return manifest[manifest["split"] == split]
