"""`imagetrail use`: what it writes into params.yaml, and what it leaves alone."""

import pytest
from ruamel.yaml import YAML

from stages.commands import use
from stages.core.layout import PROJECT
from stages.core.settings.params import check

TEXT = (PROJECT / "params.yaml").read_text()
RECIPES = sorted((PROJECT / "recipes").glob("*.yaml"))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with params.yaml and recipes/, which the command takes for the project."""
    (tmp_path / "params.yaml").write_text(TEXT)
    (tmp_path / "recipes").symlink_to(PROJECT / "recipes")
    monkeypatch.setattr(use, "PROJECT", tmp_path)
    return tmp_path


def run(*arguments):
    """Run the command as typed."""
    from stages.commands.__main__ import entry

    return entry(["use", *arguments])


def comments(text):
    """All comments of a text."""
    return [line.split("#", 1)[1].strip() for line in text.splitlines() if "#" in line]


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_gives_valid_params(project, path):
    """A recipe is written in whole, the result passes the check, and its header says how to use it."""
    assert run(path.stem) == 0
    written = YAML(typ="safe").load((project / "params.yaml").read_text())

    check(written)
    assert written["models"] == YAML(typ="safe").load(path.read_text())["models"]
    assert f"imagetrail use {path.stem}" in path.read_text()


def test_comments_outside_what_is_replaced_stay(project):
    """Section headings and the comments of untouched sections are still there."""
    run("eurosat")
    left = comments((project / "params.yaml").read_text())

    before, after = TEXT[: TEXT.index("\nmodels:")], TEXT[TEXT.index("# ---- evaluate and report") :]
    assert set(comments(before) + comments(after)) <= set(left)


def test_one_value_is_one_changed_line(project, capsys):
    """--set changes its value, shows the diff and nothing else."""
    assert run("--set", "models.plain.fit.epochs=7") == 0
    before, after = TEXT.splitlines(), (project / "params.yaml").read_text().splitlines()

    assert [(a, b) for a, b in zip(before, after, strict=True) if a != b] == [("      epochs: 20", "      epochs: 7")]
    assert "+      epochs: 7" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["eurosta"], "no recipes/eurosta.yaml; did you mean eurosat?"),
        (["--set", "models.plain.fit.epochs=0"], "models.plain.fit.epochs must be at least 1, got 0"),
        (["--set", "models.plian.fit.epochs=3"], "params.yaml has no models.plian"),
        (["--set", "epochs"], "--set takes KEY=VALUE, got 'epochs'"),
    ],
)
def test_a_mistake_changes_nothing(project, capsys, arguments, message):
    """The error is a sentence, and params.yaml is as it was."""
    assert run(*arguments) == 1
    assert message in capsys.readouterr().err
    assert (project / "params.yaml").read_text() == TEXT


def test_a_dry_run_only_shows(project, capsys):
    """--dry-run prints the difference and writes nothing."""
    run("eurosat", "--dry-run")

    assert "-  dataset: digits" in capsys.readouterr().out and (project / "params.yaml").read_text() == TEXT


def test_a_recipe_with_models_and_no_backbones_means_none():
    """An earlier recipe's backbones don't linger, and are not fetched for nobody."""
    text = "backbones:\n  net: 1\n\n# models\nmodels:\n  a: 1\n"

    assert use.replaced_sections(text, "models:\n  b: 1\n") == "backbones: {}\n\n# models\nmodels:\n  b: 1\n"
    assert use.replaced_sections(text, "download: 1\n") == text
