"""A model packaged to travel: its files, what it needs to know, and the code that reads it."""

import shutil
from importlib.metadata import version
from pathlib import Path

from stages.core.candidate import Candidate
from stages.core.files import write_json, write_text
from stages.core.model_files import HEAD, model_files, needs_tensorflow
from stages.core.options import Normalize

PACKAGES = ("numpy", "pandas", "pillow", "simplejpeg", "mlflow")
FOR_NETWORKS, FOR_HEADS = ("tensorflow", "keras"), ("scikit-learn", "skops")
MODULES = ("decoding.py", "errors.py", "head_file.py", "model_files.py", "predictor.py", "served_model.py")
LOADER = "stages.core.served_model"


def package(folder: Path, candidate: Candidate, normalize: Normalize) -> None:
    """Write data/ (what predicts, about.json) and stages/ (the few modules that serve it) into a folder."""
    for name in model_files(candidate.folder):
        place = folder / "data" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(candidate.folder / name, place)
    write_json(
        folder / "data/about.json", {"classes": candidate.record["classes"], "normalize": normalize.model_dump()}
    )
    (folder / "stages/core").mkdir(parents=True)
    for module in MODULES:
        shutil.copy(Path(__file__).with_name(module), folder / "stages/core")
    for name in ("stages", "stages/core"):
        write_text(folder / name / "__init__.py", '"""Part of imagetrail, packaged with a model."""\n')


def requirements(folder: Path) -> list[str]:
    """The packages that the model in a folder needs, as installed here."""
    needed = PACKAGES + (FOR_NETWORKS if needs_tensorflow(folder) else ())
    needed += FOR_HEADS if any(folder.rglob(HEAD)) else ()
    return [f"{package}=={version(package)}" for package in needed]
