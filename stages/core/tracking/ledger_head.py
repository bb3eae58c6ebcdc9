"""The end of the ledger, kept in MLflow as well, so that a ledger whose end was cut off is seen."""

import hashlib
import socket

from stages.core.auditing.chain import heads, read_chain
from stages.core.auditing.ledger_history import known_elsewhere
from stages.core.console import say
from stages.core.layout import Layout
from stages.core.tracking.store import Store

HEAD = "imagetrail.ledger_head"


def head_tag(layout: Layout, uri: str) -> str:
    """The experiment's tag for this checkout: a store of its own has one, several checkouts share a server."""
    if uri.startswith(f"sqlite:///{layout.main_checkout}/"):
        return HEAD
    place = f"{socket.gethostname()}:{layout.main_checkout}"
    return f"{HEAD}.{hashlib.sha256(place.encode()).hexdigest()[:12]}"


def heads_of(store: Store) -> dict[str, str]:
    """The ends that checkouts have noted: tag -> '<number of lines> <hash>[,<hash>]'."""
    tags = store.client.get_experiment(store.experiment_id).tags
    return {name: value for name, value in tags.items() if name.startswith(HEAD)}


def log_ledger_head(store: Store, layout: Layout) -> None:
    """Note where the ledger ends. An end noted before that is not in it any more stays noted; one that is lost is said.

    What a branch or an experiment has is not lost.
    """
    lines = read_chain(layout.ledger).lines
    tag = head_tag(layout, store.uri)
    before = heads_of(store).get(tag, "")
    gone = set(hashes(before)) - {line.hash for line in lines}
    if gone and not known_elsewhere(layout, gone):
        say(f"warning: {layout.ledger} does not hold its end as MLflow knows it ({before}); see `imagetrail audit`")
    elif lines and (now := f"{len(lines)} {','.join(sorted({*heads(lines), *gone}))}") != before:
        store.client.set_experiment_tag(store.experiment_id, tag, now)


def hashes(noted: str) -> list[str]:
    """Hashes in a note of an end."""
    return noted.partition(" ")[2].split(",") if noted else []
