"""idx: files as MNIST has them, images and labels apart, gzipped or not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import Field

from stages.core.errors import UserError
from stages.core.files import digest
from stages.core.ingest.arrays import array_members
from stages.core.ingest.fetch import fetched, shown
from stages.core.ingest.idx import read_idx
from stages.core.ingest.source import Member, Source
from stages.core.settings.options import Download, Section, Sha256, Uri


class Pair(Section):
    """Images and their labels."""

    images: Uri = Field(description="URL or path of an IDX file of 3 dimensions (grey), or 4 (RGB)")
    labels: Uri = Field(description="URL or path of an IDX file of 1 dimension")
    images_sha256: Sha256 | None = Field(description="what the images must hash to; null takes any")
    labels_sha256: Sha256 | None = Field(description="what the labels must hash to; null takes any")


class Options(Section):
    """Where the files are and whose they are."""

    train: Pair
    test: Pair | None = Field(description="the images that only measure; null for none: `split` then divides train")
    class_names: list[str] | None = Field(description="names of the classes 0, 1, …; null takes the numbers")
    licence: str | None = Field(description="terms of use of the images")
    citation: str | None = Field(description="who made them")


def source(options: Options, limits: Download, cache: Path) -> Source:
    """One PNG an image, `<split>/<class>/<number>.png`. Raises UserError."""
    pairs = {"train": options.train, "test": options.test} if options.test else {None: options.train}
    files = {split: fetched_pair(pair, cache) for split, pair in pairs.items()}
    records = [{"uri": shown(uri), "sha256": digest(path)} for pair in files.values() for uri, path in pair.items()]
    origin: dict[str, Any] = {"uri": ", ".join(record["uri"] for record in records), "archives": records}
    origin |= {"licence": options.licence, "citation": options.citation}
    members = (
        one
        for split, pair in files.items()
        for one in pair_members([*pair.values()], split, options.class_names, limits)
    )
    return Source(origin, members, labels="table")


def fetched_pair(pair: Pair, cache: Path) -> dict[str, Path]:
    """Paths of images and labels by their URIs. Raises UserError; see `fetched`."""
    hashes = {pair.images: pair.images_sha256, pair.labels: pair.labels_sha256}
    return {uri: fetched(uri, sha256, cache) for uri, sha256 in hashes.items()}


def pair_members(paths: list[Path], split: str | None, names: list[str] | None, limits: Download) -> Iterator[Member]:
    """Yield the images of two files. Raises UserError when they are no IDX, or don't belong together."""
    images, labels = read_idx(paths[0], (3, 4), limits), read_idx(paths[-1], (1,), limits)
    if images.ndim == 4 and images.shape[3] != 3:
        raise UserError(f"{paths[0]}: the last of its 4 dimensions is {images.shape[3]}, expected 3 (red, green, blue)")
    yield from array_members(images, labels, split, names, str(paths[0]))
