"""use: write a recipe, single values, or the settings a search found into params.yaml, and show what changes.

A recipe is a file in recipes/: a part of params.yaml that replaces the same keys. Comments and the rest stay.
--set takes a text setting as it is typed (`path=my pictures #2`), null where it may be null, and anything else as YAML
(`quarantine=[no_copies]`). --drop and --only take names of the leaderboard, or section.entry, e.g. backbones.mobilenet.
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
from stages.core.settings.dropping import dropped_but, dropped_with
from stages.core.settings.params import TUNED, check, read_yaml
from stages.core.settings.typed_value import parse_value
from stages.core.settings.yaml_edit import remove_key, set_value

WHOLE = {"backbones", "models", "tune", "combine"}  # a recipe names all that competes: replaced, not merged
EMPTY = ("backbones", "combine")  # what a recipe with models means by leaving these out


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the recipe's name, or --tuned."""
    parser.add_argument("recipe", nargs="?", help="a file in recipes/, without .yaml; left out: list them")
    parser.add_argument("--tuned", metavar="M", help="take over the settings that the search around entry M found")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change one value as well")
    parser.add_argument("--drop", metavar="NAME", nargs="+", default=[], help="drop these and all that refers to them")
    parser.add_argument("--only", metavar="NAME", nargs="+", default=[], help="drop all but these and what they need")
    parser.add_argument("--dry-run", action="store_true", help="only show the difference")


def main(parsed: argparse.Namespace) -> None:
    """Change params.yaml after checking the result. Raises UserError and changes nothing on a mistake."""
    layout = Layout(PROJECT)  # unchecked: a recipe may be what mends a wrong params.yaml
    if not any((parsed.recipe, parsed.tuned, parsed.set, parsed.drop, parsed.only)):
        show("\n".join(described(path) for path in recipes(layout)))
        return
    text = layout.params.read_text(encoding="utf-8")
    path = recipe(layout, parsed.recipe) if parsed.recipe else None
    changed = with_recipe(text, path) if path else text
    if parsed.tuned:
        changed = take_over(changed, layout, parsed.tuned)
    changed = without(changed, parsed.drop, parsed.only)
    for assignment in parsed.set:
        changed = assign(changed, assignment)
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


def with_recipe(text: str, path: Path) -> str:
    """Return the text of params.yaml with a recipe written in."""
    tree = round_trip().load(replaced_sections(text, path.read_text(encoding="utf-8")))
    overlay(tree, read_yaml(path))
    return dumped(tree)


def take_over(text: str, layout: Layout, name: str) -> str:
    """Put the values that a search found over its entry. Raises UserError before the search has run."""
    for path, value in read_json(layout.candidate(name + TUNED) / "settings.json")["values"].items():
        text = set_value(text, ["models", name, *path.split(".")], value)
    return text


def without(text: str, drop: list[str], only: list[str]) -> str:
    """Take out entries and what refers to them, or all but some. Raises UserError for an unknown name or the last."""
    written = YAML(typ="safe", pure=True).load(text)
    gone = dropped_with(written, drop) if drop else []
    gone += [place for place in (dropped_but(written, only) if only else []) if place not in gone]
    if set(written["models"]) <= {name for section, name in gone if section == "models"}:
        raise UserError("that would drop every entry of models; keep one, or add another first")
    for section, name in gone:
        text = remove_key(text, [section, name])
    return text


def assign(text: str, assignment: str) -> str:
    """Apply KEY=VALUE. Raises UserError when it is not of that form, or when null is to drop an entry."""
    key, equals, typed = assignment.partition("=")
    if not equals:
        raise UserError(f"--set takes KEY=VALUE, got {assignment!r}")
    path = key.split(".")
    if len(path) == 2 and path[0] in WHOLE and typed in ("null", "~", ""):
        raise UserError(f"--set {assignment}: an entry can't be null; `imagetrail use --drop {key}` takes it out")
    written = YAML(typ="safe", pure=True).load(text)
    return set_value(text, path, parse_value(written, path, typed))


def difference(before: str, after: str) -> list[str]:
    """Unified diff of two texts of params.yaml."""
    return list(
        difflib.unified_diff(before.splitlines(True), after.splitlines(True), "params.yaml", "params.yaml (new)", n=1)
    )
