"""evaluate: one candidate's predictions -> its metrics, confusion matrix and most confused pairs."""

import shutil
from pathlib import Path

from stages.core.candidate import TRIALS, read_candidate
from stages.core.console import say
from stages.core.evaluation import evaluate
from stages.core.files import replaced_folder
from stages.core.layout import PROJECT
from stages.core.params import open_project
from stages.core.tracking import mirror


def main(name: str, root: Path = PROJECT) -> None:
    """Write reports/candidates/<name>/ and add it to the candidate's run. Raises UserError."""
    params, layout = open_project(root)
    candidate = read_candidate(layout.candidate(name))
    with replaced_folder(layout.evaluation(name)) as folder:
        metrics = evaluate(candidate, params.tree.evaluate, folder)
        if (candidate.folder / TRIALS).exists():
            shutil.copy(candidate.folder / TRIALS, folder)
    shown = f"validation accuracy {metrics['val_accuracy']:.4f}" if metrics else f"failed: {candidate.failure}"
    say(f"evaluate {name}: {shown}")
    mirror(layout, params, [name])
