"""Golden answers: what the model said of some images, for whoever runs it elsewhere to hear the same again."""

from typing import Any

import numpy as np
import pandas as pd

from stages.core.evaluating.metrics import classes_of

GOLDEN = "golden.json"


def golden(table: pd.DataFrame, sha256: dict[str, str], most: int) -> list[dict[str, Any]]:
    """Up to `most` images spread over the classes: path, sha256 of the file, predicted label and all probabilities.

    table: the predictions as they are told; test images where there are any, else those of validation. sha256: by path.
    """
    split = next((name for name in ("test", "val") if (table["split"] == name).any()), None)
    rows = spread(table[table["split"] == split], most)
    classes = classes_of(table)
    answers = rows[[f"p.{name}" for name in classes]].to_numpy(np.float64)
    return [
        {"path": path, "sha256": sha256[path], "label": classes[answer.argmax()], "probabilities": answer.tolist()}
        for path, answer in zip(rows["path"], answers, strict=True)
    ]


def spread(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """Up to `most` rows, a class in turn, in their order; of each class those first that stand first."""
    turn = rows.groupby("label").cumcount()
    return rows.loc[turn.sort_values(kind="stable").index[:most]].sort_index()
