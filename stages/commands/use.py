"""use: write a recipe, or the settings a search found, into params.yaml, and show what changes.

A recipe is a file in recipes/: a part of params.yaml that replaces the same keys. Comments and the rest stay.
"""

import argparse
import difflib
import io
import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from stages.core.console import show
from stages.core.errors import UserError, did_you_mean
from stages.core.files import read_json, write_text
from stages.core.layout import PROJECT, Layout
from stages.core.settings.params import TUNED, check, read_yaml

WHOLE = {"backbones", "models", "tune", "combine"}  # a recipe names all that competes: replaced, not merged
EMPTY = ("backbones", "combine")  # what a recipe with models means by leaving these out


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the recipe's name, or --tuned."""
    parser.add_argument("recipe", nargs="?", help="a file in recipes/, without .yaml; left out: list them")
    parser.add_argument("--tuned", metavar="M", help="take over the settings that the search around entry M found")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change one value as well")
    parser.add_argument("--dry-run", action="store_true", help="only show the difference")


def main(parsed: argparse.Namespace) -> None:
    """Change params.yaml after checking the result. Raises UserError and changes nothing on a mistake."""
    layout = Layout(PROJECT)  # unchecked: a recipe may be what mends a wrong params.yaml
    if not parsed.recipe and not parsed.tuned and not parsed.set:
        show("\n".join(described(path) for path in recipes(layout)))
        return
    text = layout.params.read_text(encoding="utf-8")
    path = recipe(layout, parsed.recipe) if parsed.recipe else None
    tree = round_trip().load(replaced_sections(text, path.read_text(encoding="utf-8")) if path else text)
    if path:
        overlay(tree, read_yaml(path))
    if parsed.tuned:
        take_over(tree, layout, parsed.tuned)
    for assignment in parsed.set:
        assign(tree, assignment)
    changed = dumped(tree)
    check(YAML(typ="safe", pure=True).load(changed))
    if not parsed.dry_run:
        write_text(layout.params, changed)
    show("".join(difference(text, changed)) or "nothing changes")


def round_trip() -> YAML:
    """YAML that keeps comments, quotes and order."""
    yaml = YAML()
    yaml.width, yaml.preserve_quotes = 120, True
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.representer.add_representer(type(None), lambda r, _: r.represent_scalar("tag:yaml.org,2002:null", "null"))
    return yaml


def dumped(tree: Any) -> str:
    """Return the tree as text."""
    stream = io.StringIO()
    round_trip().dump(tree, stream)
    return stream.getvalue()


def recipes(layout: Layout) -> list[Path]:
    """All recipes."""
    return sorted((layout.root / "recipes").glob("*.yaml"))


def described(path: Path) -> str:
    """Name and first line of a recipe."""
    return f"{path.stem:<24}{path.read_text(encoding='utf-8').splitlines()[0].lstrip('# ')}"


def recipe(layout: Layout, name: str) -> Path:
    """Return the recipe's file. Raises UserError when there is none of that name."""
    known = {path.stem: path for path in recipes(layout)}
    if name not in known:
        raise UserError(f"no recipes/{name}.yaml; {did_you_mean(name, known)}")
    return known[name]


def replaced_sections(text: str, part: str) -> str:
    """Replace the sections that a recipe names as a whole, as text: its own layout and comments come along."""
    if re.search(r"^models:", part, re.MULTILINE):
        left_out = [name for name in EMPTY if not re.search(rf"^{name}:", part, re.MULTILINE)]
        part += "".join(f"\n{name}: {{}}" for name in left_out if re.search(rf"^{name}:", text, re.MULTILINE))
    for name in sorted(WHOLE):
        section = re.compile(rf"^{name}:.*\n(?:[ \t]+.*\n|\n(?=[ \t]))*", re.MULTILINE)
        found = section.search(part + "\n")
        if found:
            before, after = section.split(text, maxsplit=1)
            text = before + found[0].rstrip("\n") + "\n" + after
    return text


def overlay(tree: Any, part: dict[str, Any]) -> None:
    """Put the recipe's values over the tree in place."""
    for key, value in part.items():
        old = tree.get(key)
        if isinstance(value, dict) and isinstance(old, dict) and key not in WHOLE and "kind" not in value:
            overlay(old, value)
        elif old != value:
            tree[key] = value


def take_over(tree: Any, layout: Layout, name: str) -> None:
    """Put the values that a search found over its entry. Raises UserError before the search has run."""
    for path, value in read_json(layout.candidate(name + TUNED) / "settings.json")["values"].items():
        put(tree, ["models", name, *path.split(".")], value)


def assign(tree: Any, assignment: str) -> None:
    """Apply KEY=VALUE, the value read as YAML. Raises UserError when it is not of that form."""
    key, equals, value = assignment.partition("=")
    if not equals:
        raise UserError(f"--set takes KEY=VALUE, got {assignment!r}")
    put(tree, key.split("."), YAML(typ="safe", pure=True).load(value))


def put(tree: Any, path: list[str], value: Any) -> None:
    """Set one value. Raises UserError when the way to it does not exist."""
    for depth, key in enumerate(path[:-1], 1):
        if not isinstance(tree, dict) or key not in tree:
            raise UserError(f"params.yaml has no {'.'.join(path[:depth])}")
        tree = tree[key]
    tree[path[-1]] = value


def difference(before: str, after: str) -> list[str]:
    """Unified diff of two texts of params.yaml."""
    return list(
        difflib.unified_diff(before.splitlines(True), after.splitlines(True), "params.yaml", "params.yaml (new)", n=1)
    )
