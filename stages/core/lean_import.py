"""Import a package without what it would only bring along."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without(*names: str) -> Iterator[None]:
    """Let imports in this block find no package of these names, as where it is not installed.

    For what a package itself holds for optional, costs a second of every process, and is used by none of ours. What is
    loaded already stays; after the block the names can be imported again.
    """
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type] # None: import raises ModuleNotFoundError
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
