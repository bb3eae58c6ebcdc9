"""What the documents name exists: make targets, commands, recipes and files."""

import re

import pytest

from stages.core.layout import PROJECT

DOCS = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").glob("*.md"))]


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


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path):
    """A relative link is a file."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text())

    assert all((path.parent / link).exists() for link in links)


def test_the_example_model_of_contributing_is_a_model(tmp_path):
    """The code in "Add a model" builds and predicts as every model must."""
    import numpy as np

    from stages.core.images.packs import Statistics

    code = re.search(r"```python\n(.*?)```", (PROJECT / "CONTRIBUTING.md").read_text(), re.DOTALL)[1]
    names: dict = {"__name__": "stages.models.my_net"}
    exec(compile(code, "my_net.py", "exec"), names)
    model = names["build"](names["Options"](units=4), (8, 8, 1), 3, Statistics([100.0], [3000.0]))

    assert np.asarray(model(np.zeros((2, 8, 8, 1), np.uint8))).shape == (2, 3)
