"""download: origin -> one deterministic zip of all images and where it came from."""

import time
from pathlib import Path

from stages.core.archive import write_zip
from stages.core.console import say
from stages.core.errors import UserError
from stages.core.files import digest, human_bytes, replaced_folder, write_json
from stages.core.layout import PROJECT
from stages.core.params import open_project


def main(root: Path = PROJECT) -> None:
    """Bring the chosen data set into data/source/. Raises UserError."""
    params, layout = open_project(root)
    dataset = params.dataset
    kind, started = dataset.module("datasets"), time.perf_counter()
    found = kind.members(dataset.options, params.tree.download, layout.root / ".dvc/tmp/fetched")
    with replaced_folder(layout.source) as folder:
        n_images = write_zip(folder / layout.archive.name, found, f"download {dataset.name}")
        if not n_images:
            raise UserError(f"datasets.{dataset.name}: no image found in {kind.origin(dataset.options)['uri']}")
        zip_sha256 = digest(folder / layout.archive.name)
        origin = {"dataset": dataset.name, "kind": dataset.kind, **kind.origin(dataset.options)}
        write_json(folder / "source.json", {**origin, "n_images": n_images, "images_zip_sha256": zip_sha256})
    size = human_bytes(layout.archive.stat().st_size)
    say(f"download: {n_images:,} images, {size}, in {time.perf_counter() - started:.1f} s")
