"""images: the packed arrays and statistics <-> candidate.json, and <-> the source, decoded and packed anew."""

from pathlib import Path

import numpy as np

from stages.core.auditing.audited import Audited
from stages.core.auditing.finding import Found
from stages.core.files import digest, read_json
from stages.core.images.manifest import SPLITS, read_manifest, rows_of
from stages.core.images.packing import pack_split, statistics
from stages.core.settings.options import Normalize

PLACE = 80


def check(audited: Audited, found: Found) -> str:
    """Compare hashes; then pack every image of the source again and compare pixel for pixel."""
    layout, inputs = audited.layout, audited.record["inputs"]
    paths = [layout.images / f"{split}.npy" for split in SPLITS]
    audited.need(*paths, layout.images / "pack.json", layout.images / "statistics.json")
    pack = read_json(layout.images / "pack.json")
    found.same("data/images/pack.json", inputs["images"], pack)
    found.same("statistics.json", inputs["statistics_sha256"], digest(layout.images / "statistics.json"))
    for split, path in zip(SPLITS, paths, strict=True):
        found.same(f"{split}.npy", inputs["images"][split], digest(path))
    if audited.quick:
        found.notes.append("--quick: pixels were not packed anew")
        return "arrays and statistics have the hashes in candidate.json"
    audited.need(layout.archive, layout.manifest)
    n_images = repacked(audited, found)
    return f"{n_images:,} images of the source give the same arrays and statistics, pixel for pixel"


def repacked(audited: Audited, found: Found) -> int:
    """Pack all splits anew and compare; returns how many images there are."""
    layout, pack = audited.layout, audited.record["inputs"]["images"]
    options, ranges = Normalize(**pack["normalize"]), pack.get("ranges")
    manifest, n_images = read_manifest(layout.manifest, ["split", "path"]), 0
    for split in SPLITS:
        rows = rows_of(manifest, split)
        made = audited.place / f"{split}.npy"
        numbers = rows.index.to_numpy()
        total = pack_split(layout.archive, numbers, options, made, ranges)
        if not found.same(f"{split}.npy made anew", digest(made), digest(layout.images / f"{split}.npy")):
            found.alarms[-1] += others(layout.images / f"{split}.npy", made, list(rows["path"]))
        if split == "train":
            counted = statistics(total, len(rows) * options.height * options.width)
            found.same("statistics of train", vars(counted), read_json(layout.images / "statistics.json"))
        n_images += len(rows)
        made.unlink()
    return n_images


def others(path: Path, made: Path, names: list[str]) -> str:
    """Which images are other ones than the source gives."""
    kept, right = np.load(path, allow_pickle=False), np.load(made, allow_pickle=False)
    if kept.shape != right.shape:
        return f" (shape {kept.shape}, the source gives {right.shape})"
    different = [names[row] for row in np.flatnonzero((kept != right).any(axis=(1, 2, 3)))]
    return f" ({len(different)} images differ, e.g. {different[0]})" if different else " (same pixels)"
