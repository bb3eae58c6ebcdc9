"""IDX, the format of MNIST: two zero bytes, a type, the number of dimensions, their sizes, then the values."""

import gzip
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.errors import UserError
from stages.core.ingest.admission import DAMAGE, damaged_archive
from stages.core.settings.options import Download

UNSIGNED_BYTE = 0x08
TYPES = {0x08: "unsigned byte", 0x09: "signed byte", 0x0B: "short", 0x0C: "int", 0x0D: "float", 0x0E: "double"}


def read_idx(path: Path, n_dimensions: tuple[int, ...], limits: Download) -> np.ndarray:
    """Read unsigned bytes of so many dimensions, gzipped or not.

    Raises UserError when the header is another one, or the file holds fewer or more values than it says, and on
    more than download.max_bytes.
    """
    with path.open("rb") as stream:
        packed = stream.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path) if packed else path.open("rb") as stream:
            sizes = dimensions(path, stream, n_dimensions)
            n_bytes = math.prod(sizes)
            check_size(path, sizes, limits)
            data = stream.read(n_bytes + 1)
    except DAMAGE as error:
        raise damaged_archive(path, error) from error
    if len(data) != n_bytes:
        got = f"{len(data):,}" if len(data) < n_bytes else "more"
        raise UserError(f"{path}: its header announces {n_bytes:,} values, and it holds {got}; fetch it again")
    return np.frombuffer(data, np.uint8).reshape(sizes)


def dimensions(path: Path, stream: Any, wanted: tuple[int, ...]) -> tuple[int, ...]:
    """Return the sizes that follow the magic number. Raises UserError when it is another one."""
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0":
        raise UserError(f"{path} is no IDX file: it begins with {magic.hex(' ') or 'nothing'}, not with 00 00")
    if magic[2] != UNSIGNED_BYTE:
        kind = TYPES.get(magic[2], "unknown")
        raise UserError(f"{path}: its values are of type 0x{magic[2]:02X} ({kind}); only 0x08 (unsigned byte) is read")
    if magic[3] not in wanted:
        dims = " or ".join(map(str, wanted))
        raise UserError(f"{path} has {magic[3]} dimensions, expected {dims}; are images and labels interchanged?")
    data = stream.read(4 * magic[3])
    if len(data) != 4 * magic[3]:
        raise UserError(f"{path} ends within its header; fetch it again")
    return struct.unpack(f">{magic[3]}I", data)


def check_size(path: Path, sizes: tuple[int, ...], limits: Download) -> None:
    """Raise UserError for more images or bytes than params.yaml allows."""
    if sizes[0] > limits.max_images:
        raise UserError(f"{path} holds {sizes[0]:,} images; download.max_images is {limits.max_images:,}")
    if math.prod(sizes) > limits.max_bytes:
        raise UserError(f"{path} unpacks to {math.prod(sizes):,} bytes; download.max_bytes is {limits.max_bytes:,}")
