"""What becomes of a store that fails: one warning, then silence until the process ends."""

from collections.abc import Iterator
from contextlib import contextmanager

from stages.core.console import say
from stages.core.plain_text import one_line
from stages.core.tracking.secrets import scrubbed

GIVEN_UP: set[str] = set()  # addresses of stores that failed in this process: its parts open them separately


class StoreSilent(Exception):
    """The store has failed before in this process, and is not asked again."""


def allowed(uri: str) -> None:
    """Raise StoreSilent for a store that was given up."""
    if uri in GIVEN_UP:
        raise StoreSilent


@contextmanager
def tolerated(uri: str, what: str, later: str = "`imagetrail sync` mirrors it later") -> Iterator[None]:
    """Turn any failure of the store into one warning: a training of hours must not die of it, nor wait for it twice.

    later: what makes up for it. What the block asks of a store that was given up raises StoreSilent, and nothing is
    said.
    """
    try:
        yield
    except StoreSilent:
        pass
    except Exception as error:  # MLflow, SQLAlchemy, requests and the OS all raise their own
        GIVEN_UP.add(uri)
        reason = one_line(scrubbed(str(error)))[:160]
        say(f"warning: MLflow: {what}: {type(error).__name__}: {reason}; {later}")
