"""The golden images: answers that `evaluate` kept, which the packaged model must give again."""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stages.core.auditing.finding import Unknown
from stages.core.evaluating.golden import GOLDEN
from stages.core.files import read_json
from stages.core.ingest.source import images_named
from stages.core.tracking.served_names import EACH, LABEL

KEPT = {"path", "sha256", "label", "probabilities"}


@dataclass(frozen=True)
class Parity:
    """How answers agree with those that were kept: images, images with another label, largest distance, worst image."""

    n_images: int
    other_labels: list[str]
    largest: float
    worst: str


def read_golden(evaluation: Path) -> list[dict[str, Any]]:
    """A mapping an image: path, sha256, label, probabilities. Raises Unknown where there are none."""
    if not (evaluation / GOLDEN).exists():
        raise Unknown(f"{evaluation.name} has no {GOLDEN}; `dvc repro` writes it")
    kept = read_json(evaluation / GOLDEN)
    if not kept:
        raise Unknown(f"{GOLDEN} of {evaluation.name} holds no image")
    if not isinstance(kept, list) or not all(isinstance(image, dict) and set(image) >= KEPT for image in kept):
        raise Unknown(f"{GOLDEN} of {evaluation.name} is damaged: an image of it lacks {', '.join(sorted(KEPT))}")
    return kept


def golden_files(archive: Path, golden: list[dict[str, Any]]) -> list[bytes]:
    """The files themselves, in order. Raises Unknown for one that is not here, or has other bytes."""
    found = dict(images_named(archive, [image["path"] for image in golden])) if archive.exists() else {}
    for image in golden:
        if image["path"] not in found:
            raise Unknown(f"{image['path']} is not in {archive.name}; `dvc checkout` or `dvc pull` brings it")
        if hashlib.sha256(found[image["path"]]).hexdigest() != image["sha256"]:
            raise Unknown(f"{image['path']} has other bytes than when it was evaluated")
    return [found[image["path"]] for image in golden]


def parity(golden: list[dict[str, Any]], answers: list[dict[str, Any]], classes: list[str]) -> Parity:
    """Compare answers, a label and a number a class each, with those kept; a missing number is infinitely far."""
    other = [kept["path"] for kept, said in zip(golden, answers, strict=True) if str(said.get(LABEL)) != kept["label"]]
    gaps = [distance(kept["probabilities"], said, classes) for kept, said in zip(golden, answers, strict=True)]
    worst = max(range(len(gaps)), key=lambda index: gaps[index])
    return Parity(len(golden), other, gaps[worst], str(golden[worst]["path"]))


def distance(kept: list[float], said: dict[str, Any], classes: list[str]) -> float:
    """Largest difference of a probability; infinite where one is missing or no number."""
    told = [said.get(f"{EACH}{name}") for name in classes]
    gaps = [math.inf if now is None else abs(float(now) - value) for now, value in zip(told, kept, strict=True)]
    return max(math.inf if math.isnan(gap) else gap for gap in gaps)
