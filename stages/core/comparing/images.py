"""The images behind a side: their hashes, by which they are recognised, and their pictures."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq

from stages.core.comparing.pairing import BY_PATH, BY_PIXELS, ONE_MANIFEST, Recognition
from stages.core.comparing.sides import Side
from stages.core.errors import UserError
from stages.core.files import digest
from stages.core.images.decoding import NotAnImage
from stages.core.ingest.source import images_named, index_of
from stages.core.layout import Layout
from stages.core.reporting.pages import thumbnail
from stages.core.revisiting.revisions import manifest_at, opened


def recognition(layout: Layout, a: Side, b: Side) -> Recognition:
    """How images of A are recognised in B: by path in one manifest, by their pixels, or else by path and class."""
    if manifest_of(a) == manifest_of(b):
        return Recognition(ONE_MANIFEST)
    hashes = [pixel_hashes(layout, side) for side in (a, b)]
    if hashes[0] is None or hashes[1] is None:
        return Recognition(BY_PATH)
    return Recognition(BY_PIXELS, (hashes[0], hashes[1]))


def manifest_of(side: Side) -> str:
    """Hash of the manifest that a side was made from."""
    return str(side.record["inputs"]["manifest_sha256"])


def has_data(layout: Layout, side: Side) -> bool:
    """Whether the images of the workspace are those of a side."""
    return layout.manifest.exists() and digest(layout.manifest) == manifest_of(side)


def pixel_hashes(layout: Layout, side: Side) -> pd.Series | None:
    """SHA-256 of the pixels of each image, by its path; None where that manifest is nowhere."""
    revision = None if has_data(layout, side) else side.revision
    if revision is None and not has_data(layout, side):
        return None
    with contextlib.suppress(UserError):
        rows = manifest_at(layout, revision, ["path", "pixel_sha256"])
        return pd.Series(rows["pixel_sha256"].to_numpy(), index=rows["path"].to_numpy(), dtype=object)
    return None


def pictures(layout: Layout, side: Side, paths: list[str]) -> dict[str, str]:
    """Small pictures as data: URIs, by path; those of a revision are read from DVC's cache or remote.

    Empty where the images are nowhere: a comparison needs none.
    """
    found: dict[str, str] = {}
    with contextlib.suppress(UserError):
        for path, data in encoded(layout, side, paths):
            with contextlib.suppress(NotAnImage):
                found[path] = thumbnail(data)
    return found


def encoded(layout: Layout, side: Side, paths: list[str]) -> Iterator[tuple[str, bytes]]:
    """Yield path and bytes of images, as they were for a side."""
    if has_data(layout, side):
        yield from images_named(layout.archive, paths)
    elif side.revision:
        yield from images_at(layout, side.revision, layout.archive, paths)


def images_at(layout: Layout, revision: str, archive: Path, paths: list[str]) -> Iterator[tuple[str, bytes]]:
    """Yield path and bytes of members of the zip as it was at a revision. Raises UserError."""
    with opened(layout, revision, index_of(archive)) as stream:
        index = pq.read_table(stream, columns=["path", "offset", "n_bytes"]).to_pandas().set_index("path")
    rows = index.reindex(paths).dropna()
    with opened(layout, revision, archive) as stream:
        for path, row in rows[rows["n_bytes"] > 0].iterrows():
            stream.seek(int(row["offset"]))
            yield str(path), stream.read(int(row["n_bytes"]))
