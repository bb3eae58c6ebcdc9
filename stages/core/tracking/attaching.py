"""Files that are attached to a run afterwards: what is said of it later, by a person's command."""

from pathlib import Path

from stages.core.auditing.finding import Unknown
from stages.core.errors import UserError
from stages.core.layout import Layout
from stages.core.settings.params import Params
from stages.core.tracking.runs import files_in, find, log_files
from stages.core.tracking.witness import opened_store, unreachable

PLACE = "comparisons"


def attached(layout: Layout, params: Params, run_or_key: str, folder: Path) -> str:
    """Log a folder under `comparisons/` of a run, named by its id or its candidate's key; returns the run's id.

    Raises UserError where the store can't be reached or has no such run.
    """
    try:
        store = opened_store(layout, params)
        with unreachable(store.uri):
            found = find(store, run_or_key)
            run_id = str(found.info.run_id) if found else run_or_key
            store.client.get_run(run_id)
            log_files(store, run_id, files_in(folder), folder.parent, PLACE)
    except Unknown as error:
        raise UserError(f"nothing was attached: {error}; `imagetrail sync` makes the runs that are missing") from error
    return run_id
