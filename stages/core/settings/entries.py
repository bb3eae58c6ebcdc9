"""One entry of a mapping of kinds in params.yaml, checked by the Options of the file that implements it."""

import importlib
import re
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

from pydantic import ValidationError

from stages.core.errors import UserError, did_you_mean
from stages.core.layout import PROJECT
from stages.core.settings.fit_options import Fit
from stages.core.settings.head_options import HeadFit
from stages.core.settings.options import Section
from stages.core.settings.param_errors import meant, sentence

S = TypeVar("S", bound=Section)
IMAGES, FEATURES = "images", "features/"  # what an entry of `models` takes: the pack, or a backbone's features


@dataclass(frozen=True)
class Entry:
    """One entry of a mapping of kinds: the module that implements it and its checked options."""

    name: str
    kind: str
    options: Any
    fit: Fit | HeadFit | None
    written: dict[str, Any]
    input: str = IMAGES

    @property
    def is_network(self) -> bool:
        """Whether it is trained by Keras, in epochs."""
        return isinstance(self.fit, Fit)

    @property
    def needs_tensorflow(self) -> bool:
        """Whether its model has a network in it."""
        return self.is_network or self.input != IMAGES

    def module(self, group: str) -> ModuleType:
        """Import the file of this kind."""
        return importlib.import_module(f"stages.{group}.{self.kind}")


def entry(group: str, name: str, written: dict[str, Any]) -> Entry:
    """Check one entry by the Options of its kind. Raises UserError."""
    where = f"{group}.{name}"
    check_name(where, name)
    kind = written.get("kind")
    known = kinds(group)
    if kind not in known:
        raise UserError(f"params.yaml: {where}.kind: no stages/{group}/{kind}.py; {did_you_mean(str(kind), known)}")
    rest = {key: value for key, value in written.items() if key != "kind"}
    module = importlib.import_module(f"stages.{group}.{kind}")
    fit, taken = None, IMAGES
    if group == "models":
        taken = input_of(where, rest, module)
        fit = section(getattr(module, "Fit", Fit), rest.pop("fit", {}), f"{where}.fit")
    return Entry(name, str(kind), section(module.Options, rest, where), fit, written, taken)


def input_of(where: str, rest: dict[str, Any], module: ModuleType) -> str:
    """Take `input` out of an entry of models and return it. Raises UserError when its kind doesn't take that."""
    known = {"images": IMAGES, "features": f"{FEATURES}<an entry of backbones>"}
    right = " or ".join(known[name] for name in module.INPUTS)
    if "input" not in rest:
        raise UserError(f"params.yaml: {where}.input is missing; it is what the model takes: {right}")
    taken = rest.pop("input")
    if not re.fullmatch(r"images|features/\w+", str(taken)) or str(taken).split("/")[0] not in module.INPUTS:
        kind = module.__name__.rpartition(".")[2]
        raise UserError(f"params.yaml: {where}.input must be {right} (kind {kind}), got {taken!r}")
    return str(taken)


def check_name(where: str, name: str) -> None:
    """Raise UserError on a name that could not be part of a file's."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise UserError(f"params.yaml: {where}: a name is letters, digits and _, beginning with a letter")


def kinds(group: str) -> list[str]:
    """Names of the files in a folder of kinds."""
    folder = PROJECT / "stages" / group
    return sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


def section(kind: type[S], written: Any, where: str) -> S:
    """Check a mapping against its type. Raises UserError with a line for each mistake."""
    try:
        return kind.model_validate(written)
    except ValidationError as error:
        lines = [sentence(kind, where, problem) for problem in meant(error.errors())]
        raise UserError("\nerror: ".join(dict.fromkeys(lines))) from error
