"""The pages of the site that are made from the code, at each build: one a stage, check, model, data set and command.

mkdocs calls `on_files` (`hooks` in mkdocs.yml). Nothing that it makes is kept in git, so nothing can be out of date.
"""

import argparse
import ast
import importlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from stages.commands.explain import settings
from stages.core.layout import PROJECT
from stages.core.settings.entries import kinds
from stages.core.settings.fit_options import Fit
from stages.core.settings.head_options import HeadFit
from stages.core.settings.params import Tree, read_yaml

KINDS = {  # a folder of kinds, and where an entry of it stands in params.yaml
    "datasets": "datasets.NAME",
    "checks": "checks.{kind}",
    "models": "models.NAME",
}
SHORT = "Parameters"
Row = tuple[str, str, str]


def on_files(files: Any, config: Any) -> Any:
    """Add the pages to those of docs/; mkdocs calls it with its files and settings."""
    from mkdocs.structure.files import File

    for place, text in pages().items():
        files.append(File.generated(config, place, content=text))
    return files


def pages() -> dict[str, str]:
    """Every generated page, Markdown by its place in the site."""
    found = {"reference/params.md": params_page()}
    found |= {f"reference/stages/{path.stem}.md": stage_page(path) for path in modules("stages")}
    found |= {f"reference/commands/{typed(path)}.md": command_page(path) for path in modules("stages/commands")}
    for group in KINDS:
        found |= {f"reference/{group}/{kind}.md": kind_page(group, kind) for kind in kinds(group)}
    return found | {f"reference/{group}/index.md": index_page(group, found) for group in ("stages", "commands", *KINDS)}


def modules(folder: str) -> list[Path]:
    """The files of a folder that are not private, by name."""
    return sorted((PROJECT / folder).glob("[!_]*.py"))


def typed(path: Path) -> str:
    """A command as one types it."""
    return path.stem.replace("_", "-")


def docstring(path: Path) -> str:
    """What a file says of itself."""
    return str(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))))


def opening(path: Path) -> tuple[str, str]:
    """The first sentence of a file's docstring without its name, with a capital letter; and the rest."""
    first, _, rest = docstring(path).partition("\n")
    said = first.split(": ", 1)[-1]
    return said[:1].upper() + said[1:], rest.strip()


def said_of(path: Path, function: str) -> str:
    """The docstring of a function of a file; nothing where it has none of that name."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    found = next((node for node in body if isinstance(node, ast.FunctionDef) and node.name == function), None)
    return (ast.get_docstring(found) or "") if found else ""


def table(names: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [names, tuple("---" for _ in names), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def options_table(rows: Iterable[Row]) -> str:
    """A table of settings: what each may be and means."""
    return table(("setting", "may be", "meaning"), ((f"`{name}`", rule, meaning) for name, rule, meaning in rows))


def stage_page(path: Path) -> str:
    """What a node does, what it reads and writes: from its file and dvc.yaml."""
    first, rest = opening(path)
    stage = read_yaml(PROJECT / "dvc.yaml")["stages"][path.stem]
    node = stage.get("do", stage)
    read = [f"`{one}`" for one in node.get("deps", []) if not one.startswith(("stages", "requirements"))]
    params = [f"`{one}`" for one in node.get("params", [])]
    written = [f"`{next(iter(one)) if isinstance(one, dict) else one}`" for one in node.get("outs", [])]
    lists = {"reads": read, "parameters": params, "writes": written}
    about = table(("", ""), ((name, ", ".join(items) or "nothing") for name, items in lists.items()))
    each = f"One for each entry of `{stage['foreach']}`." if "foreach" in stage else ""
    return (
        f"# {path.stem}\n\n{first}\n\n{rest}\n{each}\n{about}\n\n{said_of(path, 'main')}\n\n{run_it(path.stem, node)}"
    )


def run_it(name: str, node: dict[str, Any]) -> str:
    """How one runs a node alone."""
    target = f"{name}@ENTRY" if "$" in node["cmd"] else name
    return f"```sh\ndvc repro {target}      # with all before it that is out of date\n```\n"


def command_page(path: Path) -> str:
    """What `--help` prints."""
    first, rest = opening(path)
    return f"# imagetrail {typed(path)}\n\n{first}\n\n{rest}\n\n```text\n{help_of(path)}```\n"


def help_of(path: Path) -> str:
    """The help of a command, 100 columns wide, whatever the terminal of the build is."""
    parser = argparse.ArgumentParser(prog=f"imagetrail {typed(path)}")
    importlib.import_module(f"stages.commands.{path.stem}").arguments(parser)
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = "100"
    try:
        return parser.format_help()
    finally:
        os.environ.pop("COLUMNS") if before is None else os.environ.update(COLUMNS=before)


def kind_page(group: str, kind: str) -> str:
    """What a check, model or data set is, and its settings."""
    path = PROJECT / f"stages/{group}/{kind}.py"
    first, rest = opening(path)
    rows = options(group, kind)
    shipped = as_shipped(group, kind)
    parts = [f"# {kind}", first, rest, said_of(path, "measure"), "## Settings", options_table(rows)]
    parts += ["## As shipped", f"```yaml\n{shipped}```"] if shipped else []
    return "\n\n".join(part for part in parts if part) + "\n"


def options(group: str, kind: str) -> list[Row]:
    """The settings of a kind, under the place where an entry of it stands in params.yaml."""
    found = importlib.import_module(f"stages.{group}.{kind}").Options
    place = KINDS[group].format(kind=kind)
    rows = [] if group == "checks" else [(f"{place}.kind", kind, "the file in " + f"stages/{group}/")]
    rows += list(settings(found, f"{place}."))
    if group == "models":
        rows += list(settings(HeadFit if kind == "classical" else Fit, f"{place}.fit."))
    return rows


def as_shipped(group: str, kind: str) -> str:
    """The first entry of a kind in params.yaml, or in a recipe, as it is written there; nothing where there is none."""
    for path in [PROJECT / "params.yaml", *sorted((PROJECT / "recipes").glob("*.yaml"))]:
        section = read_yaml(path).get(group) or {}
        entries = {name: entry for name, entry in section.items() if entry and entry.get("kind", name) == kind}
        if entries:
            name = next(iter(entries))
            return f"# {path.relative_to(PROJECT)}\n{group}:\n{as_yaml({name: entries[name]})}"
    return ""


def as_yaml(entry: dict[str, Any]) -> str:
    """YAML of an entry, as far right as it stands in its section."""
    import io

    from ruamel.yaml import YAML

    stream, writer = io.StringIO(), YAML(typ="safe")
    writer.default_flow_style, writer.width, writer.sort_base_mapping_type_on_output = False, 100, False
    writer.dump(entry, stream)
    return "".join(f"  {line}\n" for line in stream.getvalue().splitlines())


def params_page() -> str:
    """Every setting of params.yaml that belongs to no kind."""
    rows: Iterator[Row] = settings(Tree, "")
    before = "`models`, `datasets` and `checks` hold entries of a kind each, which have pages of their own."
    return f"# params.yaml\n\nEvery choice and hyperparameter of the next run. {before}\n\n{options_table(rows)}\n"


def index_page(group: str, made: dict[str, str]) -> str:
    """A list of the pages of a group, each with its first sentence."""
    own = sorted(place for place in made if place.startswith(f"reference/{group}/"))
    rows = ((f"[{Path(place).stem}]({Path(place).name})", made[place].split("\n\n")[1]) for place in own)
    return f"# {group}\n\n{table(('', ''), rows)}\n"
