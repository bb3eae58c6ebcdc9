"""What a decision rests on, kept with the model's run in MLflow, so that the next candidate can be held against it.

The files of a former candidate are long gone from the checkout when another wants its place. The ledger holds the hash
of each, so it doesn't matter where they are found.
"""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd

from stages.core.auditing.chain import Line
from stages.core.evaluating.answers import path_of, read_answers
from stages.core.files import digest
from stages.core.promoting.contest import SPLIT, Champion, Contest
from stages.core.promoting.history import evidence_of
from stages.core.tracking.registry import Registry, Version

METRICS = "metrics.json"


def names() -> tuple[str, ...]:
    """Files of an evaluation that are kept."""
    return path_of(Path(), SPLIT).name, METRICS


def kept(contest: Contest, folder: Path) -> dict[str, str]:
    """Copy the evidence of a candidate into a folder; returns the hash of each file. Missing ones are left out."""
    found = [contest.evaluation / name for name in names() if (contest.evaluation / name).exists()]
    for path in found:
        shutil.copy(path, folder / path.name)
    return {path.name: digest(path) for path in found}


def champion_of(registry: Registry, lines: list[Line], version: Version, folder: Path) -> Champion:
    """The champion behind a version, with what was noted of it where that can still be had."""
    line = evidence_of(lines, version.key)
    if line is None:
        why = (
            f"version {version.number} of {registry.model} is champion by no decision of this ledger: another checkout "
            "made it (`git pull` brings its ledger), or someone moved the alias by hand"
        )
        return Champion(f"version {version.number}", version.key, version.number, None, why_not=why)
    name = str(line.body["candidate"])
    champion = Champion(name, version.key, version.number, line.body.get("exam"))
    if not found(registry, version, line, path_of(folder, SPLIT)):
        why = f"what {name} answered is neither here nor in MLflow with the hash that line {line.hash[:12]} holds"
        return replace(champion, why_not=why)
    paths = list(pd.read_parquet(path_of(folder, SPLIT), columns=["path"])["path"])
    return replace(champion, paths=paths, answers=read_answers(folder, SPLIT, int(line.body["n_classes"])).alone(0))


def found(registry: Registry, version: Version, line: Line, place: Path) -> bool:
    """Bring a file of evidence to a place, from wherever it has the hash that the ledger holds."""
    right = line.body["evidence"].get(place.name)
    place.parent.mkdir(parents=True, exist_ok=True)
    for path in places(registry, version, line, place):
        if right and path and path.exists() and digest(path) == right:
            shutil.copy(path, place)
            return True
    return False


def places(registry: Registry, version: Version, line: Line, place: Path) -> Iterator[Path | None]:
    """Where a file may be: in the checkout, with the decision in MLflow, with the run's evaluation there."""
    own = registry.layout.evaluation(str(line.body["candidate"]))
    yield own / place.name
    for below in (line.body["artifacts"], "evaluation"):
        yield registry.kept_file(version.run_id, f"{below}/{place.name}", place.parent / "from_mlflow")
