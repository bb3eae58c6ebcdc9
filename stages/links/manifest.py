"""manifest: the table of images and their splits <-> candidate.json, and the images that were predicted."""

from stages.core.auditing.audited import Audited
from stages.core.auditing.finding import Found
from stages.core.files import digest
from stages.core.images.manifest import class_names, read_manifest, rows_of

PLACE = 90


def check(audited: Audited, found: Found) -> str:
    """Compare its hash, the classes, and path and label of every image in predictions.parquet."""
    layout, record = audited.layout, audited.record
    audited.need(layout.manifest)
    sha256 = digest(layout.manifest)
    found.same("data/manifest.parquet", record["inputs"]["manifest_sha256"], sha256)
    manifest = read_manifest(layout.manifest, ["path", "label", "split"])
    found.same("classes", record["classes"], class_names(manifest))
    predictions = audited.candidate.repeats[:1]
    for table in predictions:
        for split in table["split"].unique():
            told = table[table["split"] == split]
            for column in ("path", "label"):
                expected = list(rows_of(manifest, split)[column].astype("str"))
                got = list(told[column])
                if expected != got:
                    n = sum(one != other for one, other in zip(expected, got, strict=False)) or abs(
                        len(expected) - len(got)
                    )
                    found.alarm(f"predictions.parquet: {n} rows of {split} have another {column} than the manifest")
    n_images = int(manifest["split"].notna().sum())
    return f"{n_images:,} images in {len(record['classes'])} classes, hash {sha256[:12]}"
