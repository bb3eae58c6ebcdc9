"""A model packaged to travel: its file, what it needs to know, and the code that reads it."""

import shutil
from importlib.metadata import version
from pathlib import Path

from stages.core.candidate import MODEL, Candidate
from stages.core.files import write_json, write_text
from stages.core.options import Normalize

PACKAGES = ("tensorflow", "keras", "numpy", "pandas", "pillow", "simplejpeg", "mlflow")
LOADER = "stages.core.served_model"


def package(folder: Path, candidate: Candidate, normalize: Normalize) -> None:
    """Write data/ (model.keras, about.json) and stages/ (the two modules that serve it) into a folder."""
    (folder / "data").mkdir()
    shutil.copy(candidate.folder / MODEL, folder / "data")
    write_json(
        folder / "data/about.json", {"classes": candidate.record["classes"], "normalize": normalize.model_dump()}
    )
    (folder / "stages/core").mkdir(parents=True)
    for module in ("decoding.py", "served_model.py"):
        shutil.copy(Path(__file__).with_name(module), folder / "stages/core")
    for name in ("stages", "stages/core"):
        write_text(folder / name / "__init__.py", '"""Part of imagetrail, packaged with a model."""\n')


def requirements() -> list[str]:
    """The packages that a packaged model needs, as installed here."""
    return [f"{package}=={version(package)}" for package in PACKAGES]
