"""The files of a candidate that predict, by name. Travels inside packaged models."""

from pathlib import Path

MODEL, HEAD, ENSEMBLE, MEMBERS = "model.keras", "head.skops", "ensemble.json", "members"
MODEL_FILES = (ENSEMBLE, MODEL, HEAD)


def model_files(folder: Path) -> list[str]:
    """Paths below a folder of all that predicts: its own files, then its members'."""
    members = sorted((folder / MEMBERS).glob("*/"))
    deep = [f"{MEMBERS}/{member.name}/{name}" for member in members for name in model_files(member)]
    return [name for name in MODEL_FILES if (folder / name).exists()] + deep


def needs_tensorflow(folder: Path) -> bool:
    """Whether anything that predicts in a folder is a network."""
    return any(name.endswith(MODEL) for name in model_files(folder))
