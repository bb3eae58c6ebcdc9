"""`python -m stages NODE [ENTRY]`: how dvc.yaml runs each node of the pipeline.

One door for all nodes, so that a wrong environment and a user's mistake are answered in one place.
"""

import importlib
import inspect
import sys
from pathlib import Path

from stages.core.console import run
from stages.core.errors import UserError, did_you_mean
from stages.core.layout import PROJECT, Layout
from stages.core.stopping import ending_with_parent


def node(name: str = "", *entry: str) -> None:
    """Import the node and call its main with the entry's name, where it takes one. Raises UserError."""
    nodes = [path.stem for path in Path(__file__).parent.glob("[!_]*.py")]
    if name not in nodes:
        raise UserError(f"{name!r} is no stage; {did_you_mean(name, nodes)}")
    main = importlib.import_module(f"stages.{name}").main
    named = "name" in inspect.signature(main).parameters
    if len(entry) != named:
        takes = "the name of an entry of params.yaml" if named else "no name"
        raise UserError(f"{name} takes {takes}, got {' '.join(entry) or 'no name'}")
    with ending_with_parent():
        main(*entry)
        from stages.core.reporting.closing import note_stage

        note_stage(Layout(PROJECT), " ".join([name, *entry]))


if __name__ == "__main__":
    sys.exit(run(node, *sys.argv[1:]))
