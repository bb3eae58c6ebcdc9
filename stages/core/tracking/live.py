"""A run that is logged while it happens."""

import time
from contextlib import ExitStack
from typing import Any

from stages.core.layout import Layout
from stages.core.settings.params import Params
from stages.core.stopping import last_words
from stages.core.tracking.ending import AT_ONCE_S, ENDING_S, ended
from stages.core.tracking.runs import claim, find_or_create, log_metrics, log_params, logged_epochs
from stages.core.tracking.silence import tolerated
from stages.core.tracking.store import Store, connect, tracking_uri
from stages.core.tracking.system_metrics import start_monitor, stop_monitor
from stages.core.tracking.trails import curve


class Live:
    """A run that is logged while it happens; silent from the first failure of the store on.

    It begins when this is made, and is opened with its first epoch: importing mlflow takes two seconds, which no
    training should wait for. As a context it ends the run as FAILED or KILLED when the block raises; what ends well is
    ended by `mirror`, within it.
    """

    def __init__(self, layout: Layout, params: Params, record: dict[str, Any], parent: "Live | None" = None) -> None:
        self.layout, self.params, self.record, self.parent = layout, params, record, parent
        self.uri, self.begun, self.made_ms = tracking_uri(layout), False, int(time.time() * 1000)
        self.store: Store | None = None
        self.run_id: str | None = None
        self.monitor: Any = None
        self.known: set[int] = set()

    def begin(self) -> None:
        """Open the store, and the run in it; once."""
        if self.begun:
            return
        self.begun = True
        if self.parent:
            self.parent.begin()
        with tolerated(self.uri, "not reachable"):
            store = self.parent.store if self.parent else connect(self.layout, self.params)
            if store is None:
                return
            parent_run = self.parent.run_id if self.parent else None
            self.run_id = find_or_create(store, self.record, parent_run, self.made_ms)
            self.store, self.known = store, logged_epochs(store, self.run_id)
            claim(store, self.run_id)
            log_params(store, self.run_id, self.record["params"])
            if self.parent is None:  # trials of a search share its process
                self.monitor = start_monitor(store, self.run_id, self.params.tree.tracking.system_metrics_every_s)

    def epoch(self, number: int, row: dict[str, float]) -> None:
        """Log the metrics of an epoch, unless an earlier life of this run did."""
        self.begin()
        if self.store is None or number in self.known:
            return
        with tolerated(self.uri, "lost during training"):
            log_metrics(self.store, str(self.run_id), curve(row), number)
            self.known.add(number)

    def killed(self, within_s: float = AT_ONCE_S) -> None:
        """Mark the run, and trials below it, as KILLED, from any thread and within a second, or leave them RUNNING."""
        if self.store:
            ended(self.store, {self.record["key"]}, within_s)

    def __enter__(self) -> "Live":
        self.leaving = ExitStack()
        self.leaving.enter_context(last_words(self.killed))
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with self.leaving:
            stop_monitor(self.monitor, self.params.tree.tracking.timeout_s)
            if kind is None or self.store is None:
                return
            if not issubclass(kind, Exception):
                self.killed(ENDING_S)
                return
            with tolerated(self.uri, "lost at the end"):
                self.store.client.set_terminated(self.run_id, "FAILED")
