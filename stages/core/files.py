"""Reading, hashing and writing files whole: to a temporary name first, then renamed."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.core.errors import UserError
from stages.core.plain_text import guarded, unguarded

CHUNK = 1 << 20
STORED_DATE = (1980, 1, 1, 0, 0, 0)  # of members of a zip: none may tell when it was written


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; it takes the name of `path` only if the block succeeds.

    Works for a file or a folder: what the block makes there, replaces what was there. Raises OSError where
    the place is unwritable; `console.run` makes a sentence of it.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path)
    try:
        yield temporary
        remove(path) if temporary.is_dir() else None  # a file never takes the place of a folder: OSError
        temporary.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)  # a write that fails, on a full disk, names no file
        raise
    finally:
        remove(temporary)


def sweep(path: Path) -> None:
    """Delete what killed processes left half-written beside `path`; that of a living one stays."""
    for left in path.parent.glob(f".{path.name}.*.part"):
        owner = left.name.split(".")[-2]
        if owner.isdigit() and not Path("/proc", owner).exists():
            remove(left)


@contextmanager
def replaced_folder(path: Path) -> Iterator[Path]:
    """Like `replaced`, for a folder, which is made empty."""
    with replaced(path) as temporary:
        temporary.mkdir()
        yield temporary


def remove(path: Path) -> None:
    """Delete a file or a whole folder; nothing there is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def digest(path: Path, algorithm: str = "sha256") -> str:
    """Hash of a file's bytes, in hexadecimal, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def text_digest(text: str) -> str:
    """SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(value: Any) -> str:
    """JSON with sorted keys: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def write_json(path: Path, value: Any) -> None:
    """Write `value` as sorted JSON, whole or not at all. Raises ValueError on NaN."""
    write_text(path, canonical(value))


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all."""
    with replaced(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read JSON. Raises UserError when the file is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing; `dvc repro` makes it") from error
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); `dvc repro -f` makes it anew") from error


def read_array(path: Path, mapped: bool = True) -> np.ndarray:
    """Open a .npy, memory-mapped unless it is empty. Raises UserError for one that is damaged or holds objects."""
    try:
        return np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise UserError(f"{path} holds no plain array ({error}); `dvc checkout` or `dvc repro -f` mends it") from error


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """Write a table with six significant digits and no index, so that equal tables give equal bytes.

    A text that a spreadsheet would take for a formula gets an apostrophe; `read_text_csv` takes it away.
    """
    texts = frame.select_dtypes(exclude=["number", "bool"])
    safe = frame.assign(**texts.map(lambda cell: guarded(cell) if isinstance(cell, str) else cell))
    safe.columns = pd.Index([guarded(str(name)) for name in frame.columns])
    with replaced(path) as temporary:
        safe.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


def blank_array(path: Path, dtype: Any, shape: tuple[int, ...]) -> "np.memmap[Any, Any]":
    """Make a .npy of zeros to be filled in through its map. Raises OSError where the disk has no room for it.

    Its room is taken before: a map that finds the disk full later kills the process with SIGBUS.
    """
    array = np.lib.format.open_memmap(path, "w+", dtype, shape)
    if hasattr(os, "posix_fallocate"):  # not on macOS
        with path.open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, path.stat().st_size)
    return array


def read_text_csv(path: Path, columns: Iterable[str]) -> pd.DataFrame:
    """Read a table with names from data in some columns: none of them is taken for a number or a gap."""
    frame = pd.read_csv(path, dtype=dict.fromkeys(columns, str), keep_default_na=False)
    texts = [name for name in columns if name in frame]
    return frame.assign(**{name: frame[name].map(unguarded) for name in texts})


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write a table as parquet; no time is stored, so equal tables give equal bytes."""
    with replaced(path) as temporary:
        frame.to_parquet(temporary, index=False, compression="zstd")


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as mappings from column name to value."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def human_bytes(n_bytes: float) -> str:
    """12,345,678 -> '12.3 MB'."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.3g} TB"


def listed(names: Iterable[str], most: int = 3) -> str:
    """'a, b, c and 4 more'."""
    all_names = list(names)
    more = f" and {len(all_names) - most} more" if len(all_names) > most else ""
    return ", ".join(all_names[:most]) + more
