"""download: origin -> one deterministic zip of all images and where it came from."""

import time
from datetime import UTC, datetime
from pathlib import Path

from stages.core.console import say
from stages.core.errors import UserError
from stages.core.files import digest, human_bytes, replaced_folder, write_json
from stages.core.ingest.image_filter import told
from stages.core.ingest.source import index_of, write_source
from stages.core.ingest.weights import write_weights
from stages.core.layout import PROJECT
from stages.core.settings.params import open_project


def main(root: Path = PROJECT) -> None:
    """Bring the chosen data set into data/source/. Raises UserError."""
    params, layout = open_project(root)
    dataset, began, started = params.dataset, datetime.now(UTC), time.monotonic()
    kind = dataset.module("datasets")
    cache = layout.root / ".dvc/tmp/fetched"
    found = kind.source(dataset.options, params.tree.download, cache)
    with replaced_folder(layout.source) as folder:
        archive = folder / layout.archive.name
        n_images = write_source(archive, found, f"download {dataset.name}")
        if not n_images:
            there = told(found.left_out()) or "no file"
            raise UserError(f"datasets.{dataset.name}: no image found in {found.origin['uri']} ({there})")
        origin = {"dataset": dataset.name, "kind": dataset.kind, **found.origin, "n_images": n_images}
        hashes = {"images_zip_sha256": digest(archive), "index_sha256": digest(index_of(archive))}
        left_out = found.left_out()
        weights = write_weights(params.tree.backbones, folder / "weights", cache)
        write_json(folder / "source.json", origin | left_out | hashes | ({"weights": weights} if weights else {}))
    seconds = time.monotonic() - started  # a clock that is set back would give less than none
    # when and how long doesn't repeat: no out
    write_json(layout.timing("download"), {"fetched": began.isoformat(timespec="seconds"), "seconds": seconds})
    say(f"download: {n_images:,} images, {human_bytes(layout.archive.stat().st_size)}, in {seconds:.1f} s")
    if said := told(left_out):
        say(f"download: {said}")
