"""Files of pretrained weights: fetched by `download`, each with a record of where it came from and what it is.

data/source/weights/B.json says it for every backbone B, also for one without a file: what a change of it must re-run
depends on that record.
"""

import shutil
from pathlib import Path
from typing import Any

from stages.core.console import held_back
from stages.core.errors import UserError
from stages.core.files import digest, read_json, write_json
from stages.core.ingest.fetch import download, fetched, shown
from stages.core.settings.backbone_options import Backbone, Weights

SUFFIXES = (".weights.h5", ".h5", ".hdf5", ".keras")


def write_weights(backbones: dict[str, Backbone], folder: Path, cache: Path) -> dict[str, dict[str, Any]]:
    """Bring the weights of every backbone into `folder`; returns their records by name. Raises UserError."""
    records = {name: written(name, backbone, folder, cache) for name, backbone in backbones.items()}
    for name, record in records.items():
        write_json(folder / f"{name}.json", record)
    return records


def written(name: str, backbone: Backbone, folder: Path, cache: Path) -> dict[str, Any]:
    """Copy the weights of one backbone to `folder` and return their record. Raises UserError."""
    if backbone.weights is None:
        return {"file": None, "uri": None, "sha256": None, "licence": None}
    if isinstance(backbone.weights, Weights):
        given = backbone.weights
        path, uri, licence = fetched(given.uri, given.sha256, cache), shown(given.uri), given.licence
    else:
        path, uri = of_keras(name, backbone)
        licence = "see https://keras.io/api/applications"
    suffix = next((end for end in SUFFIXES if path.name.endswith(end)), None)
    if suffix is None:
        raise UserError(f"params.yaml: backbones.{name}.weights: {path.name} must end with {', '.join(SUFFIXES)}")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, folder / (name + suffix))
    return {"file": name + suffix, "uri": uri, "sha256": digest(path), "licence": licence}


def of_keras(name: str, backbone: Backbone) -> tuple[Path, str]:
    """Return Keras' own file of ImageNet weights, in its cache, and its URL. Raises UserError when it can't be had."""
    with held_back():
        from stages.core.training.applications import asked, keras_cache
    file, home = asked(name, backbone), keras_cache()
    path = home / file.name
    if not path.exists():
        try:
            download(file.url, path)
        except UserError as error:
            raise UserError(
                f"params.yaml: backbones.{name}.weights: imagenet needs {file.url}, which could not be fetched; "
                f"get that file elsewhere and put it at {path}"
            ) from error
    got = digest(path, "sha256" if len(file.hash or "") == 64 else "md5")
    if file.hash and got != file.hash:
        raise UserError(f"{path} is damaged or another file (its hash is {got}, Keras expects {file.hash}); delete it")
    return path, file.url


def weights_of(name: str, folder: Path) -> tuple[Path | None, dict[str, Any]]:
    """Return the file that `download` brought for a backbone, None for random weights, and its record."""
    record = read_json(folder / f"{name}.json")
    return (folder / record["file"] if record["file"] else None), record
