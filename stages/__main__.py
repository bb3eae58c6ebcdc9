"""`python -m stages NODE [ENTRY]`: how dvc.yaml runs each node of the pipeline.

One door for all nodes, so that a wrong environment and a user's mistake are answered in one place.
"""

import importlib
import sys

from stages.core.console import run


def node(name: str = "", *entry: str) -> None:
    """Import the node and call its main with the entry's name, where it takes one."""
    importlib.import_module(f"stages.{name}").main(*entry)


if __name__ == "__main__":
    sys.exit(run(node, *sys.argv[1:]))
