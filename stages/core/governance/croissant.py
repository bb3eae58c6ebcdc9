"""The data set as a Croissant description (MLCommons, 1.1): files with hashes, columns with types, splits, limits.

Written here and not with mlcroissant's classes: importing them takes as much time as the rest of the report together.
Its own validator reads what is written in the tests. Nothing that doesn't repeat is in it, so no date, and no version.
"""

import re
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from stages.core.files import digest, read_json
from stages.core.governance.croissant_context import CONFORMS_TO, CONTEXT
from stages.core.images.manifest import SPLITS, read_manifest
from stages.core.layout import Layout
from stages.core.plain_text import visible

ZIP, MANIFEST, IMAGES = "images.zip", "manifest.parquet", "images"
READ = ["path", "label", "split", "format", "quarantine", "error"]
WEB = re.compile(r"https?://[^\s,]+")
SPLIT_URLS = {"train": "cr:TrainingSplit", "val": "cr:ValidationSplit", "test": "cr:TestSplit"}
MEDIA = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "BMP": "image/bmp", "TIFF": "image/tiff"}
MEDIA |= {"WEBP": "image/webp", "PPM": "image/x-portable-anymap"}
COLUMNS = {
    "path": "where the image is in images.zip",
    "label": "its class, as the source gives it",
    "split": "train, val or test; none for what is in quarantine or can't be read",
    "group": "images of one group share a split",
    "near": "images that are nearly the same share this, and a split",
    "quarantine": "the check that put it aside",
    "sha256": "of its bytes",
    "pixel_sha256": "of its pixels, decoded and upright: equal for copies in another file",
    "error": "why it can't be decoded",
    "note": "what is wrong with it at its origin",
}


def described(layout: Layout) -> dict[str, Any]:
    """Return the description: equal source, manifest and verdict give an equal one. Raises UserError without them."""
    source, manifest = read_json(layout.source / "source.json"), read_manifest(layout.manifest, READ)
    findings = read_json(layout.validation / "verdict.json")["findings"]
    broken = [found for found in findings if not found["passed"]]
    known = {
        "citeAs": source.get("citation"),
        "license": source.get("licence"),
        "url": origin(source) if WEB.fullmatch(origin(source)) else None,
        "rai:dataBiases": [said(found) for found in broken if found["check"] != "label_noise"],
        "rai:dataLimitations": limits(manifest, broken),
    }
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": source["dataset"],
        "description": summary(source, manifest),
        "distribution": files(layout, source, manifest),
        "recordSet": [splits(manifest), classes(manifest), rows(layout.manifest), labelled()],
        **{name: value for name, value in known.items() if value},
    }


def summary(source: dict[str, Any], manifest: pd.DataFrame) -> str:
    """One sentence on what there is, and where it is from."""
    n_classes = manifest["label"].dropna().nunique()
    return visible(
        f"{source['n_images']:,} labelled images in {n_classes} classes, from {origin(source)} ({source['kind']}), "
        "packed into one deterministic zip; its manifest has a row an image."
    )


def origin(source: dict[str, Any]) -> str:
    """Where the images are from; addresses were recorded without users, passwords and queries."""
    uri = source["uri"]
    return ", ".join(map(str, uri)) if isinstance(uri, list) else str(uri)


def said(found: dict[str, Any]) -> str:
    """A broken promise of the data as one sentence."""
    return visible(f"{found['check']} ({found['severity']}): {found['message']}")


def limits(manifest: pd.DataFrame, broken: list[dict[str, Any]]) -> list[str]:
    """What the gate left out, what it doubts, and what nobody has looked at."""
    put_aside = manifest["quarantine"].value_counts().sort_index()
    unreadable = int(manifest["error"].notna().sum())
    return [
        *[f"{n:,} images are in quarantine, put aside by the check {name}" for name, n in put_aside.items()],
        *([f"{unreadable:,} images can't be decoded"] if unreadable else []),
        *[said(found) for found in broken if found["check"] == "label_noise"],
        "The splits are drawn from one source: they say nothing of images from another place, time or camera.",
        "No one has looked for people, names or other personal information in the images.",
    ]


def files(layout: Layout, source: dict[str, Any], manifest: pd.DataFrame) -> list[dict[str, Any]]:
    """The zip, the images in it, and the manifest; places are seen from the folder of this description."""
    formats = sorted({MEDIA.get(name, "application/octet-stream") for name in manifest["format"].dropna().unique()})
    endings = sorted({PurePosixPath(path).suffix for path in manifest["path"]})
    return [
        file(ZIP, layout.archive, "application/zip", source["images_zip_sha256"]),
        {
            "@type": "cr:FileSet",
            "@id": IMAGES,
            "name": IMAGES,
            "containedIn": {"@id": ZIP},
            "encodingFormat": formats or ["application/octet-stream"],
            "includes": [f"*{ending}" for ending in endings],
        },
        file(MANIFEST, layout.manifest, "application/x-parquet", digest(layout.manifest)),
    ]


def file(name: str, path: Path, media: str, sha256: str) -> dict[str, Any]:
    """One file with its hash and size."""
    place = (
        f"../{path.parent.parent.name}/{path.parent.name}/{name}" if name == ZIP else f"../{path.parent.name}/{name}"
    )
    size = f"{path.stat().st_size} B"
    about = {"name": name, "contentUrl": place, "contentSize": size, "encodingFormat": media, "sha256": sha256}
    return {"@type": "cr:FileObject", "@id": name, **about}


def splits(manifest: pd.DataFrame) -> dict[str, Any]:
    """The splits, with how many images each holds."""
    counts = manifest["split"].value_counts()
    held = [
        {"splits/name": name, "splits/url": SPLIT_URLS[name], "splits/n_images": int(counts.get(name, 0))}
        for name in SPLITS
        if counts.get(name, 0)
    ]
    fields = [
        inline("splits", "name", "sc:Text"),
        inline("splits", "url", "sc:URL"),
        inline("splits", "n_images", "sc:Integer"),
    ]
    return {**record_set("splits", fields), "dataType": "cr:Split", "key": {"@id": "splits/name"}, "data": held}


def classes(manifest: pd.DataFrame) -> dict[str, Any]:
    """The classes, with how many images each has over all splits."""
    counts = manifest["label"].dropna().value_counts().sort_index()
    held = [{"classes/name": str(name), "classes/n_images": int(n)} for name, n in counts.items()]
    fields = [inline("classes", "name", "sc:Text"), inline("classes", "n_images", "sc:Integer")]
    return {**record_set("classes", fields), "dataType": "sc:Enumeration", "key": {"@id": "classes/name"}, "data": held}


def rows(path: Path) -> dict[str, Any]:
    """The manifest: a field a column."""
    fields = [column(field.name, field.type) for field in pq.read_schema(path)]
    return {**record_set("manifest", fields), "key": {"@id": "manifest/path"}}


def labelled() -> dict[str, Any]:
    """The images themselves, each with its class and split: what a reader of Croissant trains on."""
    place = {"fileSet": {"@id": IMAGES}, "extract": {"fileProperty": "fullpath"}}
    content = {"fileSet": {"@id": IMAGES}, "extract": {"fileProperty": "content"}}
    fields = [
        {**inline("labelled", "path", "sc:Text"), "source": place, "references": {"field": {"@id": "manifest/path"}}},
        {**inline("labelled", "image", "sc:ImageObject"), "source": content},
        *[
            {**inline("labelled", n, "sc:Text"), "source": {"field": {"@id": f"manifest/{n}"}}}
            for n in ("label", "split")
        ],
    ]
    return record_set("labelled", fields)


def column(name: str, kind: pa.DataType) -> dict[str, Any]:
    """A column of the manifest with its type, and what it means where the name doesn't tell."""
    source = {"fileObject": {"@id": MANIFEST}, "extract": {"column": name}}
    about = {"description": COLUMNS[name]} if name in COLUMNS else {}
    return {**inline("manifest", name, type_of(kind)), **about, "source": source}


def type_of(kind: pa.DataType) -> str:
    """Name of a column's type in the vocabulary."""
    if pa.types.is_integer(kind):
        return "sc:Integer"
    return "sc:Float" if pa.types.is_floating(kind) else "sc:Text"


def record_set(name: str, fields: list[dict[str, Any]]) -> dict[str, Any]:
    """A named table."""
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "field": fields}


def inline(table: str, name: str, kind: str) -> dict[str, Any]:
    """A field of a table whose values need no source."""
    return {"@type": "cr:Field", "@id": f"{table}/{name}", "name": name, "dataType": kind}
