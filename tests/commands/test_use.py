"""`imagetrail use`: what it writes into params.yaml, and what it leaves alone."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from stages.commands import use
from stages.core.layout import PROJECT
from stages.core.settings import dropping
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
        (["--set", "models.residual=null"], "`imagetrail use --drop models.residual` takes it out"),
        (["--set", "quarantine=[a"], "is not YAML"),
        (["--set", "runtime.threads.x=1"], "runtime.threads is a single value"),
        (["--drop", "plian"], "has no entry 'plian' to drop or keep; did you mean plain?"),
        (["--drop", "plain", "residual"], "that would drop every entry of models"),
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


def test_a_list_leaves_no_blank_line_and_keeps_all_comments(project):
    """A list that is set over another stands in its line, beside the comment of that line."""
    assert run("--set", "quarantine=[readable, no_copies]") == 0
    changed = [line for line in (project / "params.yaml").read_text().splitlines() if line not in TEXT.splitlines()]

    assert (
        len(changed) == 1 and changed[0].startswith("quarantine: [readable, no_copies] ") and "# checks" in changed[0]
    )
    assert comments((project / "params.yaml").read_text()) == comments(TEXT)


def test_a_path_with_a_hash_is_the_whole_path(project):
    """A text setting is taken as typed: what YAML would call a comment is part of it."""
    assert run("--set", "datasets.my_folder.path=pictures #2") == 0

    assert (
        YAML(typ="safe").load((project / "params.yaml").read_text())["datasets"]["my_folder"]["path"] == "pictures #2"
    )


TEXTS = ["datasets.my_folder.path", "datasets.my_folder.licence", "datasets.eurosat.uri", "split.group_by.regex"]


@given(st.sampled_from(TEXTS), st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=200))
@example("datasets.my_folder.path", "yes")
@example("datasets.my_folder.path", "null")
@example("datasets.my_folder.path", "1e3")
@example("datasets.my_folder.path", "  a: b")
@example("datasets.my_folder.path", "[a, b]")
def test_every_text_reads_back_equal(key, typed):
    """Whatever printable text is set on a text setting is what params.yaml holds then, and nothing else changes."""
    if (typed == "null" and "path" not in key) or (key.endswith("uri") and typed.startswith("[")):
        return  # may be null, or a list
    changed = YAML(typ="safe").load(use.assign(TEXT, f"{key}={typed}"))
    wanted = YAML(typ="safe").load(TEXT)
    *parents, last = key.split(".")
    place = wanted
    for parent in parents:
        place = place[parent]
    place[last] = typed

    assert changed == wanted


def test_null_is_null_where_it_may_be():
    """`null` unsets a text that may be missing, and a number stays a number."""
    changed = YAML(typ="safe").load(use.assign(TEXT, "datasets.my_folder.licence=null"))
    numbered = YAML(typ="safe").load(use.assign(TEXT, "models.plain.blocks.0.dropout=0.5"))

    assert changed["datasets"]["my_folder"]["licence"] is None
    assert numbered["models"]["plain"]["blocks"][0]["dropout"] == 0.5


def test_a_dropped_model_takes_what_refers_to_it_along(project):
    """--drop plain drops its search as well; the rest stays byte for byte."""
    assert run("--drop", "plain") == 0
    text = (project / "params.yaml").read_text()
    written = YAML(typ="safe").load(text)

    check(written)
    assert list(written["models"]) == ["residual"] and written["tune"] == {}
    assert text[: text.index("\nmodels:")] == TEXT[: TEXT.index("\nmodels:")]
    assert "# ---- combine: candidates" in text


@pytest.mark.parametrize(
    ("names", "models", "tune"),
    [(["residual"], ["residual"], []), (["plain"], ["plain"], []), (["plain-tuned"], ["plain"], ["plain"])],
)
def test_only_keeps_what_the_named_candidates_need(project, names, models, tune):
    """--only takes names of the leaderboard: a search needs its entry, an entry no search."""
    assert run("--only", *names) == 0
    written = YAML(typ="safe").load((project / "params.yaml").read_text())

    check(written)
    assert (list(written["models"]), list(written["tune"])) == (models, tune)


def test_a_combination_and_a_backbones_models_go_with_it():
    """What refers to a dropped entry, directly or through another, is dropped."""
    written = {
        "backbones": {"net": {}},
        "models": {"head": {"input": "features/net"}, "plain": {"input": "images"}},
        "tune": {"head": {}},
        "combine": {"mean": {"members": ["plain", "head-tuned"]}},
    }

    gone = dropping.dropped_with(written, ["backbones.net"])
    assert gone == [("combine", "mean"), ("tune", "head"), ("models", "head"), ("backbones", "net")]
    assert dropping.dropped_but(written, ["plain"]) == gone


@pytest.mark.parametrize("path", [path for path in RECIPES if "weights={uri: FILE" in path.read_text()], ids=str)
def test_a_recipe_takes_weights_as_its_header_says(path):
    """A setting that is a word or a section takes both."""
    text, backbone = use.with_recipe(TEXT, path), next(iter(YAML(typ="safe").load(path.read_text())["backbones"]))
    typed = "{uri: /tmp/weights.h5, sha256: null, licence: null}"
    changed = YAML(typ="safe").load(use.assign(text, f"backbones.{backbone}.weights={typed}"))

    check(changed)
    assert changed["backbones"][backbone]["weights"]["uri"] == "/tmp/weights.h5"
    word = YAML(typ="safe").load(use.assign(text, f"backbones.{backbone}.weights=imagenet"))
    assert word["backbones"][backbone]["weights"] == "imagenet"
