"""evaluate: one candidate's predictions -> its metrics with intervals, calibration, curves, slices and mistakes."""

import shutil
from pathlib import Path

from stages.core.candidates.candidate import SEARCH, TRIALS, read_candidate
from stages.core.console import say, working
from stages.core.evaluating.depth import evaluate_in_depth
from stages.core.evaluating.sheets import write_sheets
from stages.core.files import replaced_folder
from stages.core.layout import PROJECT
from stages.core.settings.params import open_project


def main(name: str, root: Path = PROJECT) -> None:
    """Write reports/candidates/<name>/; `report` adds all of them to the candidates' runs. Raises UserError."""
    params, layout = open_project(root)
    candidate = read_candidate(layout.candidate(name))
    with replaced_folder(layout.evaluation(name)) as folder:
        with working(f"evaluate {name}: measures and curves"):
            metrics = evaluate_in_depth(candidate, params.tree.evaluate, layout.manifest, folder)
        with working(f"evaluate {name}: pictures of mistakes"):
            write_sheets(folder, layout.archive, params.tree.evaluate)
        if (candidate.folder / TRIALS).exists():
            shutil.copy(candidate.folder / TRIALS, folder)
            shutil.copytree(candidate.folder / SEARCH, folder / SEARCH)
    say(f"evaluate {name}: {summary(metrics) if metrics else f'failed: {candidate.failure}'}")


def summary(metrics: dict[str, float]) -> str:
    """The accuracy in words: on validation, or on test after a last fit on both other splits."""
    for split, words in (("val", "validation"), ("test", "test")):
        if f"{split}_accuracy" in metrics:
            return f"{words} accuracy {metrics[f'{split}_accuracy']:.4f}"
    return "no images are left to measure on"
