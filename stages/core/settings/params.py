"""params.yaml -> one frozen, fully checked value; its errors name the key, what was got and what is right."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.core.errors import UserError, did_you_mean
from stages.core.layout import PROJECT, Layout
from stages.core.plain_text import one_line
from stages.core.secrets import check_no_secrets
from stages.core.settings import options as o
from stages.core.settings.backbone_options import Backbone
from stages.core.settings.combine_options import Combine, check_members
from stages.core.settings.drift_options import Drift
from stages.core.settings.entries import FEATURES, IMAGES, Entry, check_name, entry, section
from stages.core.settings.evaluate_options import Evaluate
from stages.core.settings.head_options import HeadFit
from stages.core.settings.learning_curve_options import LearningCurve
from stages.core.settings.promote_options import Promote
from stages.core.settings.report_options import Report
from stages.core.settings.search_space import ends
from stages.core.settings.serve_options import Serve
from stages.core.settings.space_check import check_space

TUNED, COMBINED = "-tuned", "-combined"


class Tree(o.Section):
    """The whole file; entries of `datasets`, `models` and `checks` are checked by their kinds."""

    download: o.Download
    datasets: dict[str, dict[str, Any]]
    split: o.Split
    quarantine: list[str] = Field(description="checks whose images are left out")
    checks: dict[str, dict[str, Any]]
    normalize: o.Normalize
    backbones: dict[str, Backbone] = Field(description="pretrained networks by name; {} for none")
    models: dict[str, dict[str, Any]] = Field(min_length=1)
    tune: dict[str, o.Tune]
    combine: dict[str, Combine]
    evaluate: Evaluate
    report: Report
    fit: o.Fitting
    drift: Drift
    learning_curve: LearningCurve
    serve: Serve
    promote: Promote
    runtime: o.Runtime
    tracking: o.Tracking


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
        return [*self.singles, *(name + COMBINED for name in self.tree.combine)]

    @property
    def singles(self) -> list[str]:
        """Names of what competes and is not combined: what can be a member."""
        return [*self.models, *(name + TUNED for name in self.tree.tune)]

    def model(self, name: str) -> Entry:
        """Return an entry of `models`. Raises UserError when there is none of that name."""
        if name not in self.models:
            raise UserError(f"params.yaml: models.{name} is not there; {did_you_mean(name, self.models)}")
        return self.models[name]

    def backbone(self, name: str) -> Backbone:
        """Return an entry of `backbones`. Raises UserError when there is none of that name."""
        if name not in self.tree.backbones:
            raise UserError(f"params.yaml: backbones.{name} is not there; {did_you_mean(name, self.tree.backbones)}")
        return self.tree.backbones[name]


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
        raise UserError(f"{path.name} is not YAML: {one_line(error)}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name} is not UTF-8 at byte {error.start + 1}; save it as UTF-8 text") from error
    if not isinstance(written, dict):
        raise UserError(f"{path.name} must be a mapping, got {type(written).__name__ if written else 'nothing'}")
    return written


def check(written: dict[str, Any]) -> Params:
    """Check a read params.yaml. Raises UserError with every mistake that was found."""
    check_no_secrets(written)
    tree = section(Tree, written, "")
    for name in tree.backbones:
        check_name(f"backbones.{name}", name)
    models = {name: entry("models", name, item) for name, item in tree.models.items()}
    for name, item in models.items():
        check_backbone(name, item, tree.backbones)
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
        if isinstance(models[name].fit, HeadFit):
            raise UserError(f"params.yaml: tune.{name}: a search varies networks, and models.{name} is none")
        check_search(models[name], search)
    whole = {name for name, item in models.items() if item.fit and item.fit.on != "train"}
    for name, together in tree.combine.items():
        check_members(f"combine.{name}", together, [*models, *(name + TUNED for name in tree.tune)], whole)
    return Params(tree, datasets[tree.download.dataset], checks, models)


def check_backbone(name: str, taking: Entry, backbones: dict[str, Backbone]) -> None:
    """Raise UserError when an entry takes the features of a backbone that is not there."""
    wanted = taking.input.removeprefix(FEATURES)
    if taking.input != IMAGES and wanted not in backbones:
        raise UserError(
            f"params.yaml: models.{name}.input: no entry {wanted!r} in backbones; {did_you_mean(wanted, backbones)}"
        )


def check_search(varied: Entry, search: o.Tune) -> None:
    """Raise UserError when a search can't vary its entry, or when one end of its space would be no right entry."""
    where = f"tune.{varied.name}"
    check_space(f"{where}.space", varied.written, search.space)
    if varied.fit and varied.fit.on != "train":
        raise UserError(f"params.yaml: {where} needs validation images: models.{varied.name}.fit.on must be train")
    if search.input != varied.input:
        raise UserError(f"params.yaml: {where}.input must be that of its entry, {varied.input}, got {search.input!r}")
    for path, value, reached in ends(varied.written, search.space):
        try:
            entry("models", varied.name, reached)
        except UserError as error:
            reason = str(error).removeprefix("params.yaml: ")
            raise UserError(f"params.yaml: {where}.space.{path} reaches to {value!r}, and {reason}") from error
