"""A model packaged to travel: its files, what it needs to know, and the code that reads it."""

import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

from stages.core.candidates.calibrated import CALIBRATION, Calibration, read_calibration
from stages.core.candidates.candidate import Candidate
from stages.core.candidates.model_files import HEAD, model_files, needs_tensorflow
from stages.core.files import write_json, write_text
from stages.core.layout import PROJECT
from stages.core.tracking.served_names import ABOUT

PACKAGES = ("numpy", "pandas", "pillow", "simplejpeg", "mlflow")
FOR_NETWORKS, FOR_HEADS = ("tensorflow", "keras"), ("scikit-learn", "skops")
MODULES = (
    "errors.py",
    "plain_text.py",
    "images/decoding.py",
    "images/header.py",
    "images/samples.py",
    "heads/head_file.py",
    "candidates/calibrated.py",
    "candidates/model_files.py",
    "candidates/network_file.py",
    "candidates/predictor.py",
    "tracking/served_model.py",
    "tracking/served_names.py",
)
LOADER = "stages.core.tracking.served_model"


def about(candidate: Candidate, evaluation: Path) -> dict[str, Any]:
    """What a packaged model must know besides its files, as of an evaluation: about.json.

    Size and colour are those that the candidate was trained with, whatever params.yaml says by now.
    """
    known = (evaluation / CALIBRATION).exists()  # not of what was evaluated before there was any
    found = read_calibration(evaluation) if known else Calibration(None, None, 0.0)
    images = candidate.record["inputs"]["images"]
    told = {"classes": candidate.record["classes"]} | {
        key: images[key] for key in ("normalize", "ranges") if key in images
    }
    return told | {"temperature": found.temperature, "threshold": found.threshold}


def package(folder: Path, candidate: Candidate, told: dict[str, Any]) -> None:
    """Write data/ (what predicts, about.json) and stages/ (the few modules that serve it) into a folder."""
    for name in model_files(candidate.folder):
        place = folder / "data" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(candidate.folder / name, place)
    write_json(folder / "data" / ABOUT, told)
    for module in MODULES:
        place = folder / "stages/core" / module
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / "stages/core" / module, place)
    for inner in {parent for module in MODULES for parent in (Path("stages/core") / module).parents} - {Path()}:
        write_text(folder / inner / "__init__.py", '"""Part of imagetrail, packaged with a model."""\n')


def requirements(folder: Path) -> list[str]:
    """The packages that the model in a folder needs, as installed here."""
    needed = PACKAGES + (FOR_NETWORKS if needs_tensorflow(folder) else ())
    needed += FOR_HEADS if any(folder.rglob(HEAD)) else ()
    return [f"{package}=={version(package)}" for package in needed]
