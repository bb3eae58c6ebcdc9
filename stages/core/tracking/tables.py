"""Tables as MLflow's pages compare them between runs: JSON in the form of its log_table, named in a tag of the run."""

import json
import tempfile
from pathlib import Path

import pandas as pd

from stages.core.evaluating.confusion_table import read_confusion_table
from stages.core.files import read_text_csv, write_text
from stages.core.tracking.runs import log_files
from stages.core.tracking.store import Store

LOGGED = "mlflow.loggedArtifacts"
TABLES = ("confusion_matrix", "per_class")
PLACE = "tables"


def log_tables(store: Store, run_id: str, evaluation: Path) -> None:
    """Log confusion matrices and the measures of each class, from the files of an evaluation."""
    names = [f"{split}_{table}" for split in ("test", "val") for table in TABLES]
    present = [name for name in names if (evaluation / f"{name}.csv").exists()]
    with tempfile.TemporaryDirectory() as folder:
        for name in present:
            path = evaluation / f"{name}.csv"
            table = read_confusion_table(path) if name.endswith(TABLES[0]) else read_text_csv(path, ("class",))
            write_text(Path(folder) / f"{name}.json", as_table(table))
        log_files(store, run_id, sorted(Path(folder).glob("*.json")), Path(folder), PLACE)
    tag = json.dumps([{"path": f"{PLACE}/{name}.json", "type": "table"} for name in present])
    if present and store.client.get_run(run_id).data.tags.get(LOGGED) != tag:
        store.client.set_tag(run_id, LOGGED, tag)


def as_table(table: pd.DataFrame) -> str:
    """A table as mlflow.log_table writes one."""
    return table.to_json(orient="split", index=False)
