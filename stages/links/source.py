"""source: every image in the zip <-> the manifest: bytes, pixels, size, label; and the zip <-> source.json."""

import hashlib

import pandas as pd
import pyarrow.parquet as pq

from stages.core.auditing.audited import Audited
from stages.core.auditing.finding import Found
from stages.core.console import progress
from stages.core.files import digest, read_json
from stages.core.gate.measuring import SCHEMA
from stages.core.images.manifest import read_manifest
from stages.core.ingest.source import NOWHERE, index_of, read_at

PLACE = 100
N_NAMED = 3


def check(audited: Audited, found: Found) -> str:
    """Hash zip and index; then read every image, and compare all that the gate measured of it."""
    layout = audited.layout
    told = layout.source / "source.json"
    audited.need(layout.archive, index_of(layout.archive), told, layout.manifest)
    about = read_json(told)
    found.same("images.zip in source.json", about["images_zip_sha256"], digest(layout.archive))
    found.same("index.parquet in source.json", about["index_sha256"], digest(index_of(layout.archive)))
    if line := origin_in_ledger(audited):
        for name, value in line.items():
            found.same(f"{name} of source.json in the ledger", value, about.get(name))
    compare = by_bytes if audited.quick else by_all
    n_images = compare(audited, found)
    what = "bytes and labels" if audited.quick else "bytes, pixels, sizes and labels"
    return f"{n_images:,} images from {about.get('uri')} have the {what} in the manifest"


def origin_in_ledger(audited: Audited) -> dict[str, object]:
    """Where the images are from, as the ledger has it of this candidate; empty where it was not known."""
    key = audited.record["key"]
    found = [line.body.get("source") for line in audited.lines if line.body.get("key") == key]
    return next((dict(source) for source in found if source), {})


def by_all(audited: Audited, found: Found) -> int:
    """Compare every column that was measured. Returns how many images there are."""
    rows = pq.read_table(audited.remeasured[0]).to_pandas()
    known = pd.read_parquet(audited.layout.manifest, columns=[*SCHEMA.names])
    if found.same("number of images", len(known), len(rows)):
        for name in SCHEMA.names:
            differ = (known[name] != rows[name]) & ~(known[name].isna() & rows[name].isna())
            told(name, known.loc[differ, "path"], found)
    return len(rows)


def by_bytes(audited: Audited, found: Found) -> int:
    """Compare bytes and labels, without decoding. Returns how many images there are."""
    found.notes.append("--quick: images were not decoded")
    archive, index = audited.layout.archive, pq.read_table(index_of(audited.layout.archive)).to_pylist()
    known = read_manifest(audited.layout.manifest, ["path", "label", "sha256"])
    found.same("number of images", len(known), len(index))
    bad = []
    for place, sha256, label in zip(
        progress(index, len(index), "audit: reading images"), known["sha256"], known["label"], strict=False
    ):
        there = place["offset"] != NOWHERE
        data = read_at(archive, place["offset"], place["n_bytes"], place["crc32"]) if there else b""
        if (there and hashlib.sha256(data).hexdigest() != sha256) or place["label"] != label:
            bad.append(place["path"])
    told("sha256 or label", pd.Series(bad), found)
    return len(index)


def told(name: str, paths: pd.Series, found: Found) -> None:
    """Say which images differ in a column."""
    if len(paths):
        found.alarm(f"{name}: {len(paths)} images differ from the manifest, e.g. {', '.join(paths[:N_NAMED])}")
    else:
        found.n_agreed += 1
