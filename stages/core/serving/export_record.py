"""What an exported file is worth: whether it says what evaluate heard, and how long it takes for one image."""

import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from stages.core.auditing.finding import Unknown
from stages.core.errors import UserError
from stages.core.files import digest
from stages.core.layout import Layout
from stages.core.promoting.golden import golden_files, read_golden
from stages.core.serving.exporting import Asked
from stages.core.tracking.served_model import ServedModel

TOLERANCE = 1e-5  # of a probability, as everywhere
CALLS = 50  # timed, one image each


def golden_answers(layout: Layout, name: str, model: ServedModel) -> tuple[np.ndarray, np.ndarray]:
    """Golden images uint8 [N, H, W, C] and what evaluate kept of them, float [N, K]. Raises UserError without any."""
    try:
        kept = read_golden(layout.evaluation(name))
        files = golden_files(layout.archive, kept)
    except Unknown as error:
        raise UserError(f"there is nothing to hold an export against: {error}") from error
    return np.stack([model.pixels(data) for data in files]), np.array([image["probabilities"] for image in kept])


def checked(asked: Asked, images: np.ndarray, expected: np.ndarray, path: Path) -> dict[str, Any]:
    """Parity of an exported file. Raises UserError where a label or a probability differs."""
    said = np.concatenate([asked(images[at : at + 1]) for at in range(len(images))])
    gap = float(np.abs(said - expected).max())
    n_other = int((said.argmax(axis=1) != expected.argmax(axis=1)).sum())
    if n_other or not gap <= TOLERANCE:
        raise UserError(
            f"{path.name} does not say what evaluate kept: {n_other} of {len(images)} labels differ, "
            f"probabilities by up to {gap:.2g} (at most {TOLERANCE:g})"
        )
    return {"n_images": len(images), "n_other_labels": n_other, "max_difference": gap}


def latency_ms(asked: Asked, image: np.ndarray) -> float:
    """Median milliseconds for one image, uint8 [1, H, W, C]."""
    seconds = []
    for _ in range(CALLS + 1):
        began = time.perf_counter()
        asked(image)
        seconds.append(time.perf_counter() - began)
    return round(median(seconds[1:]) * 1000, 4)


def entry(path: Path, asked: Asked, images: np.ndarray, expected: np.ndarray) -> dict[str, Any]:
    """What is noted of one exported file. Raises UserError where it says something else."""
    found = checked(asked, images, expected, path)
    size = {"file": path.name, "sha256": digest(path), "bytes": path.stat().st_size}
    return {**size, "parity": found, "latency_ms": latency_ms(asked, images[:1])}
