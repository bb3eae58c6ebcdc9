"""A finished candidate that is used by name: checked, with the images that it takes, and loaded."""

from pathlib import Path
from typing import Any

from stages.core.candidates.candidate import REFERENCE, Candidate, read_candidate
from stages.core.candidates.model_files import MODEL_FILES, needs_tensorflow
from stages.core.candidates.predictor import load_predictor
from stages.core.console import held_back
from stages.core.errors import UserError, did_you_mean
from stages.core.files import read_json
from stages.core.layout import Layout
from stages.core.settings.options import Runtime
from stages.core.settings.params import Params
from stages.core.training.reference import View, view_of
from stages.core.training.runtime import ready_to_ask


def champion(layout: Layout) -> str:
    """Name of the champion. Raises UserError before there is one."""
    chosen = read_json(layout.reports / "champion.json")
    name = chosen.get("candidate")
    if not name:
        raise UserError(f"{' '.join(chosen.get('why', ['there is no champion.']))} Name a model")
    return str(name)


def comparable(layout: Layout, params: Params, name: str) -> Candidate:
    """Return a candidate with all that is needed. Raises UserError for one that is unknown, failed or too old."""
    if name not in params.candidates:
        raise UserError(f"no candidate is called {name!r}; {did_you_mean(name, params.candidates)}")
    candidate = read_candidate(layout.candidate(name))
    if candidate.failure:
        raise UserError(f"{name} has no model: its training failed ({candidate.failure})")
    if REFERENCE not in candidate.record["outputs"]:
        if candidate.record["params"].get("fit", {}).get("on") == "train+val":
            raise UserError(f"{name} was fitted on all images, so drift from others can't be seen; name another model")
        stage = str(candidate.record["stage"])
        again = f"`dvc repro -f {stage}@{candidate.record['entry']}`"
        raise UserError(f"{name} was trained before drift could be measured: it has no {REFERENCE}; {again} adds it")
    own = [name for name in candidate.record["outputs"] if Path(name).name in (*MODEL_FILES, REFERENCE)]
    for file in own:
        if not (candidate.folder / file).exists():
            raise UserError(f"{candidate.folder / file} is missing; `dvc checkout` or `dvc pull` brings it back")
    return candidate


def packing(candidate: Candidate) -> dict[str, Any]:
    """How the images of a candidate were packed, whatever params.yaml says by now: `normalize` and `ranges`."""
    images = candidate.record["inputs"]["images"]
    return {"normalize": images["normalize"], "ranges": images.get("ranges")}


def opened(candidate: Candidate, runtime: Runtime) -> View:
    """Load the model and return how it sees images."""
    if needs_tensorflow(candidate.folder):
        ready_to_ask(runtime)
    with held_back():
        return view_of(load_predictor(candidate.folder))
