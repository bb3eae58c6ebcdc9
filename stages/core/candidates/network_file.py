"""Opening a .keras file without running what it may hold: looked through first, then loaded in Keras' safe mode.

Safe mode alone lets a file name classes anywhere in Keras, read vocabularies from paths, and link weights to other
files. A file of ours holds layers with arrays; all else is refused with a sentence. Travels inside packaged models.
"""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stages.core.errors import UserError
from stages.core.plain_text import one_line

MEMBERS = {"config.json", "metadata.json", "model.weights.h5"}
WEIGHTS = "model.weights.h5"
PARTS = (  # modules whose classes a network is made of
    "keras.layers", "keras.initializers", "keras.regularizers", "keras.constraints", "keras.activations",
    "keras.dtype_policies", "keras.src.layers.", "keras.src.models.functional", "keras.src.ops.",
)  # fmt: skip
CLASSES = {  # of modules that hold more than parts of networks
    ("keras", name) for name in ("DTypePolicy", "Sequential", "Functional", "Model")
} | {
    ("keras.models", "Functional"),
    ("keras.src.applications.convnext", "LayerScale"),
    ("keras.src.applications.inception_resnet_v2", "CustomScaleLayer"),
}  # fmt: skip
VALUES = {"__keras_tensor__", "__tensor__", "__numpy__", "__tuple__", "__ellipsis__", "__bytes__", "__complex__"}
RUNS_OR_READS = {  # layers that run code, or read a file that the model names
    "Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "StringLookup", "IntegerLookup",
    "TextVectorization",
}  # fmt: skip
MAX_RATIO, SLACK = 100, 1 << 20  # a member that unpacks to more is a bomb


def opened(path: Path) -> Any:
    """Return the network in a file, for predicting. Raises UserError for one that is damaged or holds more."""
    import keras

    check(path)
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # whatever a file makes Keras raise, the file is what is wrong
        reason = one_line(error)[:200]
        raise UserError(f"{path} can't be opened as a Keras model ({type(error).__name__}: {reason})") from error


def check(path: Path) -> None:
    """Look through a .keras file. Raises UserError."""
    if not path.is_file():
        raise UserError(f"{path} is missing; `dvc checkout` or `dvc pull` brings it back")
    try:
        with zipfile.ZipFile(path) as archive:
            strange = list(faults_of(archive))
    except (zipfile.BadZipFile, KeyError, ValueError, OSError, RecursionError) as error:
        raise UserError(f"{path} is no .keras file ({error}); `dvc checkout` or `dvc pull` brings it back") from error
    if strange:
        raise UserError(f"{path} is refused: it holds {', '.join(strange[:3])}, which no network of ours is made of")


def faults_of(archive: zipfile.ZipFile) -> Iterator[str]:
    """What is no part of a network, by name. Raises KeyError, ValueError and OSError for a damaged file."""
    for member in archive.infolist():
        if member.filename not in MEMBERS:
            yield f"a file {member.filename!r}"
        elif member.file_size > MAX_RATIO * member.compress_size + SLACK:
            yield f"{member.filename} that unpacks to {member.file_size:,} bytes"
            return
    yield from foreign(json.loads(archive.read("config.json")))
    with archive.open(WEIGHTS) as stream:
        yield from linked(stream)


def foreign(node: Any) -> Iterator[str]:
    """Every class and function that a config names and that is no part of a network, as module.name."""
    if isinstance(node, list):
        for item in node:
            yield from foreign(item)
    if not isinstance(node, dict):
        return
    if "class_name" in node:
        module, name = str(node.get("module") or ""), str(node["class_name"])
        part = module.startswith(PARTS) or (module, name) in CLASSES or (not module and name in VALUES)
        if not part or name in RUNS_OR_READS:
            yield f"{module}.{name}".lstrip(".")
    for value in node.values():
        yield from foreign(value)


def check_weights(path: Path) -> None:
    """Look through a file of weights, .h5 or .keras, that a user brings. Raises UserError."""
    if path.suffix == ".keras":
        check(path)
        return
    try:
        with path.open("rb") as stream:
            strange = list(linked(stream))
    except OSError as error:
        raise UserError(f"{path} is no HDF5 file of weights ({error})") from error
    if strange:
        raise UserError(f"{path} is refused: it holds {', '.join(strange[:3])}; weights are arrays in one file")


def linked(stream: Any) -> Iterator[str]:
    """What an HDF5 file takes from elsewhere: links to files and paths, and arrays that lie outside. Raises OSError."""
    import h5py

    with h5py.File(stream, "r") as store:
        yield from links(store, h5py)


def links(group: Any, h5py: Any) -> Iterator[str]:
    """The same of a group, and of those in it."""
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            yield f"a link {name!r} to elsewhere"
            continue
        item = group[name]
        if isinstance(item, h5py.Group):
            yield from links(item, h5py)
        elif item.external or item.is_virtual:
            yield f"weights {name!r} that lie in another file"
