"""The confusion matrix as a file: a column of true classes, then a column a class, whatever classes are called."""

from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.files import read_text_csv

TRUE = "true"


def confusion_table(matrix: np.ndarray, classes: list[str]) -> pd.DataFrame:
    """Images int64 [K, K] by true class (row) and answer (column); the first column names the row.

    It is called `true`; where a class is called so, `true class`.
    """
    heading = TRUE
    while heading in classes:
        heading += " class"
    table = pd.DataFrame(matrix, columns=classes)
    table.insert(0, heading, classes)
    return table


def read_confusion_table(path: Path) -> pd.DataFrame:
    """Read such a table: no class is taken for a number, a gap or a truth value."""
    heading = str(pd.read_csv(path, nrows=0).columns[0])
    return read_text_csv(path, (heading,))
