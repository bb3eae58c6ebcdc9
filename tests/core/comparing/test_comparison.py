"""A whole comparison in all its forms: the verdict, what differs, and names from data that are shown as they are."""

import json
import os

import numpy as np
import pytest

from stages.core.comparing.comparison import as_json, compared
from stages.core.comparing.comparison_markdown import as_markdown
from stages.core.comparing.comparison_page import page
from stages.core.comparing.comparison_text import as_text
from stages.core.comparing.origins import by_group
from stages.core.comparing.verdict import BETTER, SAME, WORSE
from stages.core.errors import UserError
from stages.core.layout import Layout
from tests.core.comparing.built import PARAMS, quick, side

HOSTILE = "<script>alert(1)</script>|[x](http://evil)"


@pytest.fixture
def layout(tmp_path):
    """A checkout with nothing in it."""
    return Layout(tmp_path)


def params(**champion):
    """The project's, with few resamples."""
    tree = PARAMS.tree
    report = tree.report.model_copy(update={"champion": tree.report.champion.model_copy(update=champion)})
    return type(PARAMS)(
        tree.model_copy(update={"evaluate": quick(), "report": report}), PARAMS.dataset, PARAMS.checks, PARAMS.models
    )


def of(layout, a, b, intersection=False, **champion):
    """Compare two sides on test."""
    return compared(layout, params(**champion), (a, b), "test", intersection)


def right_on(n, of_all=100):
    """Truth, and answers that are right on the first n images."""
    truth = np.zeros(of_all, int)
    return truth, (np.arange(of_all) >= n).astype(int)


@pytest.mark.parametrize(("n_a", "n_b", "outcome"), [(90, 90, SAME), (88, 90, SAME), (70, 90, BETTER), (90, 70, WORSE)])
def test_the_verdict(layout, tmp_path, n_a, n_b, outcome):
    """2 images of 100 say nothing (p = 0.5), 20 do (p = 2 / 2^20); the sentence says which way, and by how much."""
    found = of(layout, side(tmp_path, "old", *right_on(n_a)), side(tmp_path, "new", *right_on(n_b)))
    heading = {SAME: "No difference can be told", BETTER: "new is better than old", WORSE: "new is worse than old"}

    assert found.verdict.outcome == outcome and found.verdict.sentence.startswith(heading[outcome])
    assert "McNemar" in found.verdict.grounds[0] and "one training each" in " ".join(found.verdict.grounds)
    assert as_json(found)["flips"]["gained"] == max(n_b - n_a, 0)
    assert any("of so few, intervals are known to be too short" in note for note in found.notes) == (outcome == SAME)


def test_a_gain_below_the_least_that_counts_is_none(layout, tmp_path):
    """report.champion.min_gain holds here, too."""
    sides = side(tmp_path, "old", *right_on(70)), side(tmp_path, "new", *right_on(90))

    found = of(layout, *sides, min_gain=0.3)
    assert found.verdict.outcome == SAME and "min_gain" in " ".join(found.verdict.grounds)


def test_seeds_must_say_so_too(layout, tmp_path):
    """Seeds of B scatter around those of A: images alone would tell them apart."""
    truth, low = right_on(60)
    a = side(tmp_path, "old", truth, low, right_on(61)[1])
    b = side(tmp_path, "new", truth, right_on(100)[1], right_on(55)[1])
    found = of(layout, a, b)

    assert found.differences[0].tested.p_images < 0.05 < found.differences[0].tested.p_seeds
    assert found.verdict.outcome == SAME and "over seeds alone" in " ".join(found.verdict.grounds)


def test_other_test_images_are_refused_unless_told_otherwise(layout, tmp_path):
    """The way out is named; with it, what was left out is said."""
    a = side(tmp_path, "old", *right_on(90))
    b = side(tmp_path, "new", *right_on(80, 90), inputs={"manifest_sha256": "n" * 64})
    with pytest.raises(UserError, match=r"90 in common .* 10 are A's alone and 0 B's alone; --intersection"):
        of(layout, a, b)

    found = of(layout, a, b, intersection=True)
    assert len(found.pair.paths[0]) == 90 and "10 of A alone" in found.notes[0]
    assert found.pair.known_by == "their paths and classes alone"


def test_what_differs_is_named(layout, tmp_path):
    """Params by their dotted name, data, code and environment, each as A and as B have it."""
    a = side(tmp_path, "old", *right_on(90))
    b = side(
        tmp_path,
        "new",
        *right_on(90),
        params={"kind": "plain_cnn", "fit": {"rate": 0.2, "flip": None}},
        inputs={"manifest_sha256": "m" * 64, "images": {"test": "other"}},
        code={"stages/train.py": "d"},
        lock_sha256="k",
    )
    groups = {
        group: [(one.name, one.a, one.b) for one in items]
        for group, items in by_group(of(layout, a, b).origins).items()
    }

    assert groups == {
        "params": [("fit.rate", "0.1", "0.2"), ("fit.flip", "–", "null")],
        "data": [("images.test", "t", "other")],
        "code": [("stages/train.py", "c", "d")],
        "environment": [("lock_sha256", "l", "k")],
    }


def test_an_evaluation_without_probabilities_is_compared_as_far_as_it_goes(layout, tmp_path):
    """One of an earlier version: hits and losses are there, and it is said what is not."""
    import pandas as pd

    a, b = side(tmp_path, "old", *right_on(90)), side(tmp_path, "new", *right_on(91))
    path = a.folder / "test_answers.parquet"
    table = pd.read_parquet(path)
    table[[name for name in table if "probability" not in name]].to_parquet(path)
    found = of(layout, a, b)

    assert "no ROC AUC" in found.notes[0] and {one.measure for one in found.differences} >= {"accuracy", "log_loss"}
    assert "new.png" not in page(found, {}) and "%)" not in page(found, {}).split("Images that flipped")[1]


def test_a_failed_candidate_can_not_be_compared(layout, tmp_path):
    """Its reason is said."""
    with pytest.raises(UserError, match="loss was nan"):
        of(layout, side(tmp_path, "old", *right_on(90)), side(tmp_path, "new", *right_on(90), failure="loss was nan"))


def test_names_from_data_are_shown_as_they_are(layout, tmp_path):
    """A class and a file that are markup: no form has them as such, and JSON gives them back."""
    names = ["a", HOSTILE]
    paths = [f"{HOSTILE}{i}" for i in range(100)]
    a = side(tmp_path, "old", *right_on(90), classes=names, paths=paths)
    found = of(layout, a, side(tmp_path, "new", *right_on(70), classes=names, paths=paths))
    shown, short = page(found, {}), as_markdown(found)

    assert HOSTILE not in shown and "<script>alert" not in shown and "&lt;script&gt;" in shown
    assert "<script" not in short and "[x](" not in short and "\\|\\[x\\]" in short
    assert json.loads(json.dumps(as_json(found)))["flips"]["images"][0]["path"].startswith(HOSTILE)
    assert as_text(found).rpartition("\n\n")[2].startswith("new is worse")


def test_the_comment_is_short(layout, tmp_path):
    """A pull request gets a page, not a book, however many images flip."""
    found = of(layout, side(tmp_path, "old", *right_on(900, 1000)), side(tmp_path, "new", *right_on(100, 1000)))

    assert len(as_markdown(found).splitlines()) < 40 and "800 the other way" in as_markdown(found)
    assert os.linesep not in found.verdict.sentence
