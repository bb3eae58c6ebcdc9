"""`imagetrail COMMAND`: one file here is one command; its docstring is its help; `_` in its name is typed `-`."""

import argparse
import importlib
import sys
from pathlib import Path

from stages.core.console import run


def entry(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    return run(lambda: dispatch(arguments))


def dispatch(arguments: list[str] | None) -> None:
    """Find the command that is asked for, and run it. Raises what it raises."""
    parser = argparse.ArgumentParser(
        prog="imagetrail", description="What a person runs by hand; the pipeline itself is `dvc repro`."
    )
    choices = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    names = sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))
    modules = {name: importlib.import_module(f"stages.commands.{name}") for name in names}
    for name, module in modules.items():
        text = str(module.__doc__)
        command = choices.add_parser(
            name.replace("_", "-"), help=text.splitlines()[0].split(": ", 1)[1], description=text
        )
        module.arguments(command)
    parsed = parser.parse_args(arguments)
    modules[parsed.command.replace("-", "_")].main(parsed)


if __name__ == "__main__":
    sys.exit(entry())
