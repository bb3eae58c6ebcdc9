"""`imagetrail COMMAND`: one file here is one command; its docstring is its help; `_` in its name is typed `-`."""

import argparse
import ast
import importlib
import sys
from pathlib import Path
from typing import Any

from stages.core.console import run

GROUPS = {
    "every day": [
        "use",
        "explain",
        "leaderboard",
        "compare",
        "predict",
        "serve",
        "promote",
        "refit",
        "sync",
        "ui",
        "doctor",
    ],
    "investigate": ["data-diff", "drift", "trace", "gradcam", "robustness", "learning-curve", "export"],
    "trust": ["audit", "replay", "verify-determinism", "sign", "keys", "sbom"],
}  # every command stands in one


def entry(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    return run(lambda: dispatch(arguments))


def dispatch(arguments: list[str] | None) -> None:
    """Find the command that is asked for, and run it. Raises what it raises."""
    parser = argparse.ArgumentParser(
        prog="imagetrail", description="What a person runs by hand; the pipeline itself is `dvc repro`."
    )
    choices = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    asked = next((word for word in (sys.argv[1:] if arguments is None else arguments) if word[:1] != "-"), "")
    described: dict[str, str] = {}
    module: Any = None  # the others are not imported: `doctor` must run where one of their packages is missing
    for path in sorted(Path(__file__).parent.glob("[!_]*.py")):
        name, text = path.stem.replace("_", "-"), str(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))))
        command = choices.add_parser(name, description=text)
        described[name] = text.splitlines()[0].split(": ", 1)[1]
        if name == asked:
            module = importlib.import_module(f"stages.commands.{path.stem}")
            module.arguments(command)
    parser.epilog, parser.formatter_class = grouped(described), argparse.RawDescriptionHelpFormatter
    parsed = parser.parse_args(arguments)
    module.main(parsed)


def grouped(described: dict[str, str]) -> str:
    """Return the list of commands, a line each, below the name of its group."""
    listed = ((title, [f"  {name:<20}{described[name]}" for name in names]) for title, names in GROUPS.items())
    return "\n\n".join("\n".join([f"{title}:", *lines]) for title, lines in listed)


if __name__ == "__main__":
    sys.exit(entry())
