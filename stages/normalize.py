"""normalize: source + manifest -> packed images per split and the statistics of the train images."""

import time
from pathlib import Path

import pandas as pd

from stages.core.console import say
from stages.core.errors import UserError
from stages.core.files import human_bytes, replaced_folder, write_json
from stages.core.images.manifest import SPLITS, read_manifest, read_ranges, rows_of
from stages.core.images.packing import pack_hashes, pack_split, packed, statistics
from stages.core.layout import PROJECT
from stages.core.settings.params import open_project


def main(root: Path = PROJECT) -> None:
    """Write data/images/. Raises UserError when the data has not passed the gate."""
    params, layout = open_project(root)
    options, started = params.tree.normalize, time.perf_counter()
    manifest = read_manifest(layout.manifest, ["split"])  # its rows are those of the source, in their order
    ranges = read_ranges(layout.manifest)
    check_splits(manifest)
    with replaced_folder(layout.images) as folder:
        totals = {}
        for split in SPLITS:
            numbers = rows_of(manifest, split).index.to_numpy()
            totals[split] = pack_split(layout.archive, numbers, options, folder / f"{split}.npy", ranges)
        n_train = len(rows_of(manifest, "train")) * options.height * options.width
        write_json(folder / "statistics.json", vars(statistics(totals["train"], n_train)))
        write_json(folder / "pack.json", packed(options, ranges) | pack_hashes(folder))
    n_images = int(manifest["split"].notna().sum())
    size = human_bytes(sum(path.stat().st_size for path in layout.images.iterdir()))
    say(f"normalize: {n_images:,} images packed, {size}, in {time.perf_counter() - started:.1f} s")


def check_splits(manifest: pd.DataFrame) -> None:
    """Raise UserError when no image is left to train on or to choose by; a lenient gate lets that through."""
    for split in ("train", "val"):
        if rows_of(manifest, split).empty:
            raise UserError(f"no image is in the {split} split; add images or change `split` in params.yaml")
