"""params.yaml -> one frozen, fully checked value; its errors name the key, what was got and what is right."""

import importlib
import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from pydantic import Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.core import options as o
from stages.core.errors import UserError, did_you_mean
from stages.core.fit_options import Fit
from stages.core.layout import PROJECT, Layout
from stages.core.param_errors import meant, sentence
from stages.core.search_space import check_space, ends, replaced_at

S = TypeVar("S", bound=o.Section)
TUNED = "-tuned"


class Tree(o.Section):
    """The whole file; entries of `datasets`, `models` and `checks` are checked by their kinds."""

    download: o.Download
    datasets: dict[str, dict[str, Any]]
    split: o.Split
    quarantine: list[str] = Field(description="checks whose images are left out")
    checks: dict[str, dict[str, Any]]
    normalize: o.Normalize
    models: dict[str, dict[str, Any]] = Field(min_length=1)
    tune: dict[str, o.Tune]
    evaluate: o.Evaluate
    report: o.Report
    drift: o.Drift
    runtime: o.Runtime
    tracking: o.Tracking


@dataclass(frozen=True)
class Entry:
    """One entry of a mapping of kinds: the module that implements it and its checked options."""

    name: str
    kind: str
    options: Any
    fit: Fit | None
    written: dict[str, Any]

    def module(self, group: str) -> ModuleType:
        """Import the file of this kind."""
        return importlib.import_module(f"stages.{group}.{self.kind}")


@dataclass(frozen=True)
class Params:
    """Everything params.yaml says, checked."""

    tree: Tree
    dataset: Entry
    checks: dict[str, Entry]
    models: dict[str, Entry]

    @property
    def candidates(self) -> list[str]:
        """Names of all that competes, in the order of the file."""
        return [*self.models, *(name + TUNED for name in self.tree.tune)]

    def model(self, name: str) -> Entry:
        """Return an entry of `models`. Raises UserError when there is none of that name."""
        if name not in self.models:
            raise UserError(f"params.yaml: models.{name} is not there; {did_you_mean(name, self.models)}")
        return self.models[name]


def open_project(root: Path = PROJECT) -> tuple[Params, Layout]:
    """Check params.yaml as a whole and name every path. Raises UserError with all its mistakes."""
    layout = Layout(root)
    return load(layout.params), layout


def load(path: Path) -> Params:
    """Read and check a params.yaml. Raises UserError."""
    return check(read_yaml(path))


def read_yaml(path: Path) -> dict[str, Any]:
    """Read YAML 1.2, as DVC does. Raises UserError naming line and column."""
    try:
        written = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing; `git checkout {path.name}` brings it back") from error
    except YAMLError as error:
        raise UserError(f"{path.name} is not YAML: {' '.join(str(error).split())}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name} is not UTF-8 at byte {error.start + 1}; save it as UTF-8 text") from error
    if not isinstance(written, dict):
        raise UserError(f"{path.name} must be a mapping, got {type(written).__name__ if written else 'nothing'}")
    return written


def check(written: dict[str, Any]) -> Params:
    """Check a read params.yaml. Raises UserError with every mistake that was found."""
    tree = section(Tree, written, "")
    models = {name: entry("models", name, item) for name, item in tree.models.items()}
    datasets = {name: entry("datasets", name, item) for name, item in tree.datasets.items()}
    checks = {name: entry("checks", name, {**item, "kind": name}) for name, item in tree.checks.items()}
    if tree.download.dataset not in datasets:
        raise UserError(
            f"params.yaml: download.dataset: no entry {tree.download.dataset!r} in datasets; "
            + did_you_mean(tree.download.dataset, datasets)
        )
    for name in tree.quarantine:
        if name not in checks:
            raise UserError(f"params.yaml: quarantine names no entry of checks: {name!r}; {did_you_mean(name, checks)}")
    for name, search in tree.tune.items():
        if name not in models:
            raise UserError(f"params.yaml: tune.{name} names no entry of models; {did_you_mean(name, models)}")
        check_space(f"tune.{name}.space", models[name].written, search.space)
        for path, value in ends(search.space):
            check_end(name, models[name], path, value)
    return Params(tree, datasets[tree.download.dataset], checks, models)


def check_end(name: str, varied: Entry, path: tuple[str, ...], value: Any) -> None:
    """Raise UserError when the entry would not be right at one end of a dimension of its search."""
    try:
        entry("models", name, replaced_at(varied.written, path, value))
    except UserError as error:
        where = f"tune.{name}.space.{'.'.join(path)}"
        raise UserError(
            f"params.yaml: {where} reaches to {value!r}, and {str(error).removeprefix('params.yaml: ')}"
        ) from error


def entry(group: str, name: str, written: dict[str, Any]) -> Entry:
    """Check one entry by the Options of its kind. Raises UserError."""
    where = f"{group}.{name}"
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise UserError(f"params.yaml: {where}: a name is letters, digits and _, beginning with a letter")
    kind = written.get("kind")
    known = kinds(group)
    if kind not in known:
        raise UserError(f"params.yaml: {where}.kind: no stages/{group}/{kind}.py; {did_you_mean(str(kind), known)}")
    rest = {key: value for key, value in written.items() if key != "kind"}
    fit = section(Fit, rest.pop("fit", {}), f"{where}.fit") if group == "models" else None
    options = section(importlib.import_module(f"stages.{group}.{kind}").Options, rest, where)
    return Entry(name, str(kind), options, fit, written)


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
