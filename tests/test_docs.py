"""The documents tell the truth: what they name exists, links lead somewhere, and every setting has a page."""

import ast
import os
import re
import subprocess
import sys
from urllib.parse import unquote

import pytest

from docs import reference
from stages.core.layout import PROJECT
from stages.core.settings.entries import kinds

DOCS = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").glob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(#[^)\s]+)?\)")


def words(pattern):
    """Everything that a pattern finds in the documents and the recipes' headers."""
    files = [*DOCS, *(PROJECT / "recipes").glob("*.yaml"), PROJECT / "params.yaml"]
    return sorted({found for path in files for found in re.findall(pattern, path.read_text())})


def test_every_make_target_exists():
    """`make X` in a document is a target with a line of help."""
    targets = re.findall(r"^(\w+):.*##", (PROJECT / "Makefile").read_text(), re.MULTILINE)

    assert set(words(r"`(?:GPU=1 )?make (\w+)`")) | set(words(r"^make (\w+) ")) <= set(targets)


def test_every_command_exists():
    """`imagetrail X` in a document is a file in stages/commands/."""
    commands = {path.stem for path in (PROJECT / "stages/commands").glob("[!_]*.py")}

    assert set(words(r"imagetrail (?!COMMAND)([a-z]\w+)(?= |`|$|\n)")) - {"is", "turns"} <= commands


def test_every_recipe_that_is_named_exists():
    """`imagetrail use X` names a file in recipes/."""
    recipes = {path.stem for path in (PROJECT / "recipes").glob("*.yaml")}

    assert set(words(r"imagetrail use ([a-z]\w+)")) <= recipes


def test_the_example_model_of_contributing_is_a_model(tmp_path):
    """The code in "Add a model" builds and predicts as every model must."""
    import numpy as np

    from stages.core.images.packs import Statistics

    code = re.search(r"```python\n(.*?)```", (PROJECT / "CONTRIBUTING.md").read_text(), re.DOTALL)[1]
    names: dict = {"__name__": "stages.models.my_net"}
    exec(compile(code, "my_net.py", "exec"), names)
    model = names["build"](names["Options"](units=4), (8, 8, 1), 3, Statistics([100.0], [3000.0]))

    assert np.asarray(model(np.zeros((2, 8, 8, 1), np.uint8))).shape == (2, 3)


@pytest.fixture(scope="module")
def pages():
    return reference.pages()


def our_words():
    """Every text of the code; what is filled in is …"""
    for path in [*(PROJECT / "stages").rglob("*.py"), *(PROJECT / "scripts").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
    yield (PROJECT / "Makefile").read_text()


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_links_between_files_lead_somewhere(path, pages):
    """To a file that is there, or to a page that the site makes."""
    made = {(PROJECT / "docs" / place).resolve() for place in pages}
    for target, _ in LINK.findall(path.read_text()):
        if "://" not in target:
            place = (path.parent / unquote(target)).resolve()
            assert place.exists() or place in made, target


def test_each_stage_command_check_model_and_source_has_a_page_with_its_settings(pages):
    """A new file gets its page by being there."""
    for group in reference.KINDS:
        for kind in kinds(group):
            page = pages[f"reference/{group}/{kind}.md"]
            assert all(f"`{name}`" in page for name, _, _ in reference.options(group, kind))
    for path in [*reference.modules("stages"), *reference.modules("stages/commands")]:
        folder = "commands" if path.parent.name == "commands" else "stages"
        assert reference.opening(path)[0] in pages[f"reference/{folder}/{reference.typed(path)}.md"]


def test_a_command_s_page_shows_its_help(pages):
    """What `--help` prints: each option stands there."""
    done = subprocess.run(
        [sys.executable, "-m", "stages.commands", "audit", "--help"],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
    )
    for option in re.findall(r"--[a-z][\w-]+", done.stdout):
        assert option in pages["reference/commands/audit.md"]


def test_errors_in_troubleshooting_are_ours():
    """A message that was reworded is found by nobody."""
    known = list(our_words())
    rows = [line for line in (PROJECT / "docs/troubleshooting.md").read_text().splitlines() if line.startswith("| `")]
    said = [message for row in rows for message in re.findall(r"`([^`]+)`", row.split(" | ")[0])]

    assert len(said) > 12
    for message in said:
        for part in (piece.strip(" :") for piece in message.split("…")):
            assert len(part) < 4 or any(part in text for text in known), f"{message}: {part}"


@pytest.mark.slow
def test_the_site_builds_and_every_link_in_it_leads_somewhere(tmp_path):
    """Pages and headings; with --strict a dead one is an error."""
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        capture_output=True, text=True, check=False, cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "site/reference/checks/no_leaks/index.html").exists()
    assert "https://fonts" not in (tmp_path / "site/index.html").read_text()
