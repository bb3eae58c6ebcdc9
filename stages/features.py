"""features: packed images and pretrained weights -> a frozen backbone, and what it sees in every image, once."""

import time
from pathlib import Path

from stages.core.console import say
from stages.core.files import digest, human_bytes, read_json, replaced_folder, write_json
from stages.core.images.manifest import SPLITS
from stages.core.ingest.weights import weights_of
from stages.core.layout import PROJECT
from stages.core.settings.params import open_project
from stages.core.training.feature_files import ABOUT, BACKBONE, opened, write_split
from stages.core.training.runtime import prepare_runtime


def main(name: str, root: Path = PROJECT) -> None:
    """Write data/features/<name>/. Raises UserError when the network can't be had so."""
    params, layout = open_project(root)
    options, started = params.backbone(name), time.process_time()
    prepare_runtime(params.tree.runtime)
    from stages.core.candidates.model_file import save
    from stages.core.training.backbones import extractor, seer  # bring TensorFlow, which must find the runtime prepared

    weights, origin = weights_of(name, layout.source / "weights")
    read_json(layout.images / "pack.json")  # says what to do when there is no pack
    packs = {split: opened(layout.images / f"{split}.npy") for split in SPLITS}
    model = extractor(name, options, packs["train"].shape[1:], weights)
    shape = model.output.shape[1:]
    with replaced_folder(layout.features(name)) as folder:
        save(model, folder / BACKBONE)
        for split, images in packs.items() if options.store else ():
            write_split(seer(model), images, folder / f"{split}.npy", shape)
        files = {path.name: digest(path) for path in sorted(folder.iterdir())}
        about = {"backbone": options.model_dump(), "weights": origin, "feature_shape": shape, "files": files}
        write_json(folder / ABOUT, about)
    size = human_bytes(sum(path.stat().st_size for path in layout.features(name).iterdir()))
    say(f"features {name}: {' x '.join(map(str, shape))} an image, {size}, {time.process_time() - started:.1f} CPU s")
