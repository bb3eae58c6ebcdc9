"""A moment of a training as one file: written whole, verified when read, so that a killed one goes on exactly."""

import hashlib
import io
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.console import say
from stages.core.files import replaced

ABOUT = "about"


@dataclass(frozen=True)
class State:
    """A moment of a training: numbers and texts (JSON), and arrays by name."""

    about: dict[str, Any]
    arrays: dict[str, np.ndarray]


class Checkpoint:
    """The one file in which a training is kept; none where `path` is None."""

    def __init__(self, path: Path | None, every_s: float) -> None:
        self.path, self.every_s = path, every_s
        self.written = time.monotonic()
        self.failed = False

    @property
    def due(self) -> bool:
        """Whether so many seconds have passed since the last one."""
        return self.path is not None and time.monotonic() - self.written >= self.every_s

    def write(self, state: State) -> None:
        """Replace what was kept. A disk that takes no more is a warning, once: the training may well end."""
        if self.path is None or self.failed:
            return
        try:
            write(self.path, state)
        except OSError as error:
            self.failed = True
            say(f"warning: {self.path}: no checkpoint can be written ({error.strerror}); a kill now costs more work")
        self.written = time.monotonic()

    def read(self) -> State | None:
        """What was kept; None where nothing is. A damaged file is named and left alone: it will be replaced."""
        if self.path is None or not self.path.exists():
            return None
        try:
            return read(self.path)
        except (OSError, ValueError) as error:
            say(f"warning: {self.path} is damaged ({error}) and is ignored; this training begins anew")
            return None


def write(path: Path, state: State) -> None:
    """Write a state: the SHA-256 of the rest on a line, then an .npz. It is on the disk when this returns."""
    stream = io.BytesIO()
    text = json.dumps(state.about).encode()  # unsorted: the order of a row is that of the curve's columns
    arrays: dict[str, Any] = {ABOUT: np.frombuffer(text, np.uint8), **state.arrays}
    np.savez(stream, **arrays)
    payload = stream.getbuffer()
    with replaced(path) as temporary, temporary.open("wb") as file:
        file.write(hashlib.sha256(payload).hexdigest().encode() + b"\n")
        file.write(payload)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(path.parent, os.O_RDONLY)  # the new name must survive a power loss as well
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(path: Path) -> State:
    """Read a state. Raises ValueError when the file is not as it was written, OSError when it can't be read."""
    head, _, payload = path.read_bytes().partition(b"\n")
    if hashlib.sha256(payload).hexdigest().encode() != head:
        raise ValueError("its SHA-256 is another")
    with np.load(io.BytesIO(payload), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    return State(json.loads(arrays.pop(ABOUT).tobytes()), arrays)
