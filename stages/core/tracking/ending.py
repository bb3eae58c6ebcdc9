"""Runs whose process is told to end are marked as KILLED: quickly, or not at all."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from stages.core.stopping import Stopped
from stages.core.tracking.runs import KEY
from stages.core.tracking.store import Store
from stages.core.tracking.waiting import at_most

AT_ONCE_S = 0.9  # what a process that is ended by force has for its runs
ENDING_S = 1.5  # and one that ends by itself on a signal; it may come to that twice


def end(store: Store, keys: set[str]) -> None:
    """Mark the runs with these keys, and the trials below them, as KILLED: those that are called RUNNING."""
    running = store.client.search_runs([store.experiment_id], "attributes.status = 'RUNNING'", max_results=1000)
    for run in running:
        key = run.data.tags.get(KEY, "")
        if key in keys or key.rpartition("-")[0] in keys:
            store.client.set_terminated(run.info.run_id, "KILLED")


def ended(store: Store, keys: set[str], within_s: float) -> bool:
    """Whether they could be marked in that time, from any thread; those of a slower store stay RUNNING."""
    return at_most(within_s, partial(end, store, keys))


@contextmanager
def killed_with_process(store: Store, keys: set[str]) -> Iterator[None]:
    """Mark runs as KILLED where the process is told to end in the block."""
    try:
        yield
    except Stopped:
        ended(store, keys, ENDING_S)
        raise
