"""keras.applications as we use it: a network by its name, without its top, and what file Keras would fetch for it.

Every call for a file is answered by us: nothing is fetched while a network is built, so what is loaded is what
`download` recorded.
"""

import importlib
import inspect
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core.errors import UserError, did_you_mean
from stages.core.plain_text import one_line
from stages.core.settings.backbone_options import OURS, Backbone


@dataclass(frozen=True)
class KerasFile:
    """A file of ImageNet weights as Keras names it, with the hash that it knows (MD5 or SHA-256, or none)."""

    name: str
    url: str
    hash: str | None


class Asked(Exception):
    """Keras asked for a file; carries it out of the function that was building."""

    def __init__(self, file: KerasFile) -> None:
        super().__init__(file.name)
        self.file = file


@contextmanager
def answering(get_file: Callable[..., str]) -> Iterator[None]:
    """Let every network that is built in the block get its files from this function."""
    from keras.src.utils import file_utils  # keras.utils.get_file is not what keras.applications calls

    own = file_utils.get_file
    file_utils.get_file = get_file
    try:
        yield
    finally:
        file_utils.get_file = own


def asked(name: str, backbone: Backbone) -> KerasFile:
    """Return the file that Keras would fetch for `weights: imagenet`. Raises UserError when it has none."""

    def ask(fname: str, origin: str, file_hash: str | None = None, **_: Any) -> str:
        raise Asked(KerasFile(fname, origin, file_hash))

    with answering(ask):
        try:
            network(name, backbone, "imagenet")
        except Asked as question:
            return question.file
    raise UserError(f"params.yaml: backbones.{name}.weights: Keras has no imagenet weights of {backbone.backbone}")


def network(name: str, backbone: Backbone, weights: str | None) -> Any:
    """Build the network without top and pooling: float32 [N, height, width, 3] -> maps [N, h, w, c].

    weights: a file's path, None, or "imagenet". Raises UserError on arguments or a size that it doesn't take.
    """
    build = function(name, backbone)
    shape = (backbone.height, backbone.width, 3)
    try:
        with warnings.catch_warnings(action="ignore"):  # of another size than the weights were made at, and the like
            return build(include_top=False, weights=weights, input_shape=shape, pooling=None, **backbone.arguments)
    except (ValueError, TypeError, KeyError, OSError) as error:
        where = f"params.yaml: backbones.{name}"
        words = one_line(error)[:300]
        if weights in (None, "imagenet"):
            raise UserError(f"{where}: {backbone.backbone} can't be built so: {words}") from error
        raise UserError(
            f"{where}.weights: the file does not fit {backbone.backbone} with arguments {backbone.arguments}; "
            f"is it of other arguments, of another network, or one with its top? Keras says: {words}"
        ) from error


def function(name: str, backbone: Backbone) -> Callable[..., Any]:
    """Return the function of keras.applications. Raises UserError on a name or an argument that it doesn't know."""
    import keras

    where, wanted = f"params.yaml: backbones.{name}", backbone.backbone
    known = [key for key, value in vars(keras.applications).items() if inspect.isfunction(value)]
    if wanted not in known:
        raise UserError(f"{where}.backbone: keras.applications has no {wanted!r}; {did_you_mean(wanted, known)}")
    build = getattr(keras.applications, wanted)
    own = [key for key in inspect.signature(build).parameters if key not in OURS]
    for key in backbone.arguments:
        if key not in own:
            advice = did_you_mean(key, own) if own else "it takes none"
            raise UserError(f"{where}.arguments: {wanted} takes no {key!r}; {advice}")
    return build


def answer(path: Path) -> Callable[..., str]:
    """Return a `get_file` that gives this file, whatever is asked for."""
    return lambda *_, **__: str(path)


def preprocessing_of(name: str, backbone: Backbone) -> Callable[[Any], Any]:
    """Return the network's own `preprocess_input`."""
    return importlib.import_module(function(name, backbone).__module__).preprocess_input


def keras_cache() -> Path:
    """Where Keras keeps files of weights: $KERAS_HOME/models, or ~/.keras/models."""
    from keras.src.backend import config

    return Path(config.keras_home()).expanduser() / "models"
