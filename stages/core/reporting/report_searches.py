"""What the report page shows of each search: its trials, what mattered, and pictures."""

import base64
from typing import Any

import pandas as pd

from stages.core.candidates.candidate import SEARCH, TRIALS
from stages.core.files import records
from stages.core.reporting.standing import Standing
from stages.core.settings.params import TUNED, Params

PICTURES = {
    "progress.png": "Score of each trial, and the best so far",
    "importance.png": "How much each value tells about the score, against what chance gives",
    "parallel.png": "Every trial as a line over its values, coloured by its score",
}


def searches(order: list[Standing], params: Params) -> list[dict[str, Any]]:
    """The trials of each search, best first, with what mattered."""
    found = []
    for standing in order:
        if not (standing.folder / TRIALS).exists():
            continue
        name = standing.name.removesuffix(TUNED)
        tune, trials, folder = params.tree.tune[name], pd.read_csv(standing.folder / TRIALS), standing.folder / SEARCH
        ordered = trials.sort_values(["pruned", "score"], ascending=[True, tune.objective == "val_loss"], kind="stable")
        rows = records(ordered.astype(object).where(ordered.notna(), ""))
        found.append(
            {
                "name": name,
                "method": tune.method,
                "objective": tune.objective,
                "columns": list(rows[0]),
                "rows": rows,
                "summary": (folder / "summary.txt").read_text().splitlines(),
                "importance": records(pd.read_csv(folder / "importance.csv")),
                "pictures": {
                    text: base64.b64encode((folder / file).read_bytes()).decode()
                    for file, text in PICTURES.items()
                    if (folder / file).exists()
                },
            }
        )
    return found
