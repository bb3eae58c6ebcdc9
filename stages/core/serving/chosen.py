"""The model that is asked: a candidate as it was evaluated, or a package of MLflow's, read by our own code.

A package brings code along; none of it is run. Its files are opened as those of a candidate are (network_file,
head_file), so a package from anywhere can't run anything.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core.auditing.asked import HEX, Asked, asked, present
from stages.core.auditing.finding import Unknown
from stages.core.candidates.candidate import RECORD
from stages.core.candidates.model_files import MODEL_FILES, model_files, needs_tensorflow
from stages.core.candidates.predictor import load_predictor
from stages.core.console import held_back, say
from stages.core.errors import Alarm, UserError
from stages.core.files import read_json
from stages.core.layout import Layout
from stages.core.promoting.history import champion_said, decisions, last_change
from stages.core.serving.compiled import compiled
from stages.core.settings.options import Runtime
from stages.core.settings.params import Params
from stages.core.tracking.packaging import about
from stages.core.tracking.registry import CHAMPION, model_name
from stages.core.tracking.served_model import ServedModel
from stages.core.tracking.served_names import ABOUT
from stages.core.tracking.trails import trail
from stages.core.tracking.witness import model_of_uri

REGISTRY, PACKAGE = "models:/", "MLmodel"


@dataclass(frozen=True)
class Chosen:
    """What will be asked: how it is called, the folder of what predicts, and what it knows (about.json)."""

    name: str
    folder: Path
    told: dict[str, Any]

    @property
    def threshold(self) -> float | None:
        """Confidence from which an answer counts as sure; None where none is known."""
        return self.told.get("threshold")


def names_a_model(params: Params, word: str) -> bool:
    """Whether a word is meant as a model and not as images."""
    path = Path(word)
    inside = path.is_dir() and ((path / PACKAGE).exists() or (path / RECORD).exists())
    known = word in params.candidates or word.startswith(REGISTRY) or bool(HEX.fullmatch(word))
    return known or inside or (path.is_file() and path.name in MODEL_FILES)


def choose(layout: Layout, params: Params, word: str | None, scratch: Path) -> Chosen:
    """Find the model that a word names; None is the one in use. Raises UserError."""
    if word is None:
        return in_use(layout, params, scratch)
    if word and word not in params.candidates and Path(word).is_dir():
        if (Path(word) / PACKAGE).exists():
            return of_package(Path(word), word)
        word = f"{word}/{RECORD}"
    if word and word.startswith(REGISTRY):
        return of_registry(layout, params, word, scratch)
    return of_candidate(layout, asked(layout, params, word, scratch))


def in_use(layout: Layout, params: Params, scratch: Path) -> Chosen:
    """The last one that was promoted, as the ledger says; before any was, the champion of the report. Raises UserError.

    Needs no MLflow where that candidate is in the checkout.
    """
    model = model_name(params)
    line = last_change(decisions(layout, model))
    if line is None:
        found = asked(layout, params, None, scratch)
        say(f"the champion of the report is asked, {found.candidate.name}: none was promoted")
        return of_candidate(layout, found)
    name, key = str(line.body["candidate"]), line.body["key"]
    say(f"the champion of {model} is asked, {champion_said([line])}")
    here = next((one for one in present(layout, params) if one.record["key"] == key), None)
    if here:
        return of_candidate(layout, Asked(here, ""))
    uri = f"{REGISTRY}{model}@{CHAMPION}"
    try:
        found_key, place = model_of_uri(layout, params, uri, scratch)
    except Unknown as error:
        raise UserError(f"{name} is not in this checkout, and {uri}: {error}; name another model") from error
    if found_key != key:
        raise UserError(f"{name} is not in this checkout, and {uri} is another model; name the one that is meant")
    return of_package(place, uri)


def of_candidate(layout: Layout, found: Asked) -> Chosen:
    """A candidate of this checkout, with what its evaluation found out. Raises UserError for one without a model."""
    candidate = found.candidate
    if candidate.failure:
        raise UserError(f"{candidate.name} has no model: its training failed ({candidate.failure})")
    missing = [
        name
        for name in candidate.record["outputs"]
        if Path(name).name in MODEL_FILES and not (candidate.folder / name).exists()
    ]
    if missing:
        raise UserError(f"{candidate.folder / missing[0]} is missing; `dvc checkout` or `dvc pull` brings it back")
    evaluation = trail(candidate, layout.evaluation(candidate.name), None).evaluation
    if not evaluation:
        say(f"warning: {candidate.name} is not evaluated: its answers are not calibrated and have no threshold")
    return Chosen(candidate.name, candidate.folder, about(candidate, evaluation or candidate.folder))


def of_registry(layout: Layout, params: Params, uri: str, scratch: Path) -> Chosen:
    """A registered or logged model, copied from MLflow. Raises UserError."""
    try:
        _, place = model_of_uri(layout, params, uri, scratch)
    except Unknown as error:
        raise UserError(f"{uri}: {error}") from error
    return of_package(place, uri)


def of_package(folder: Path, name: str) -> Chosen:
    """A folder that MLflow packaged. Raises UserError for one that is not of imagetrail."""
    data = next((path.parent for path in sorted(folder.rglob(ABOUT))), None)
    if data is None:
        raise UserError(f"{name} was not packaged by imagetrail: it has no {ABOUT}, so classes and size are not known")
    told = read_json(data / ABOUT)
    if not model_files(data) or not {"classes", "normalize"} <= set(told):
        raise Alarm(f"{name} is no whole model of imagetrail: {data} lacks {' or '.join(MODEL_FILES)}, or classes")
    return Chosen(name, data, told)


def opened(chosen: Chosen, runtime: Runtime) -> ServedModel:
    """Load a model for being asked. Raises UserError for files that hold more than one."""
    if needs_tensorflow(chosen.folder):
        from stages.core.training.runtime import ready_to_ask

        ready_to_ask(runtime)
    with held_back():
        return ServedModel(compiled(load_predictor(chosen.folder)), chosen.told)
