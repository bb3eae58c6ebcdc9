"""The leaderboard: its columns, what is blank, and how it looks in a terminal."""

from pathlib import Path

import pandas as pd
import pytest

from stages.core.evaluating.plots import pareto_picture
from stages.core.files import write_csv
from stages.core.reporting.choosing import choose
from stages.core.reporting.leaderboard import as_text, front_points, leaderboard
from stages.core.reporting.standing import Standing, ranked, refit_name
from tests.core.reporting.test_choosing import RULE, answers_of

MEASURES = ("balanced_accuracy", "macro_f1", "log_loss", "ece", "accuracy_low", "accuracy_high")


def candidate(name, accuracy, multiply_adds, *, stage="train", splits=("val", "test"), n_seeds=1, refit_of=""):
    """A candidate with every measure on these splits."""
    metrics = {"multiply_adds": multiply_adds, "n_parameters": 10.0, "model_bytes": 100.0, "n_seeds": float(n_seeds)}
    for split in splits:
        metrics |= {f"{split}_accuracy": accuracy, **{f"{split}_{name}": 0.5 for name in MEASURES}}
        if n_seeds > 1:
            mean = f"{split}_accuracy_mean"
            metrics |= {mean: accuracy - 0.01, f"{mean}_low": accuracy - 0.03, f"{mean}_high": accuracy + 0.01}
    record = {"failure": None, "stage": stage, "params": {}, "classes": ["a", "b"]}
    return Standing(name, Path(name), record, metrics, refit_of)


FAILED = Standing("broken", Path("b"), {"failure": "the loss became NaN", "stage": "train", "params": {}}, {})
FOUND = [
    candidate("large", 0.9, 1000.0, n_seeds=3),
    candidate("small-tuned", 0.88, 10.0, stage="tune"),
    candidate("slow", 0.7, 2000.0),
    candidate("small_tuned_refit", 0.95, 10.0, splits=("test",), refit_of="small-tuned"),
    FAILED,
]


@pytest.fixture(scope="module")
def table():
    order = ranked(FOUND, "val_accuracy")
    return leaderboard(order, choose(order, RULE, answers_of, 1))


def test_the_order_and_the_marks(table):
    """Best on validation first, then last fits, then failures; the front, the notes and the corrected p-values."""
    assert list(table["candidate"]) == ["large", "small-tuned", "slow", "small_tuned_refit", "broken"]
    assert list(table["pareto"]) == [True, True, False, False, False]
    assert list(table["note"]) == ["", "settings chosen on validation", "", "refit of small-tuned", ""]
    assert table["behind"].isna().tolist() == [True, False, False, True, True]
    assert table["p_value"][1] == 1.0 and table["p_value"][2] < 0.001
    assert refit_name("small-tuned") == "small_tuned_refit"


def test_it_comes_back_from_its_file(table, tmp_path):
    """Whole numbers keep their digits, what was not measured is blank, and no seconds are in it."""
    write_csv(tmp_path / "leaderboard.csv", table)
    again = pd.read_csv(tmp_path / "leaderboard.csv")

    assert list(again["multiply_adds"][:4]) == [1000, 10, 2000, 10]
    assert again.loc[3, ["val_accuracy", "val_ece", "behind"]].isna().all() and again["test_accuracy"][3] == 0.95
    assert not [name for name in again if name.endswith(("_s", "_ms"))]


def test_in_a_terminal_seconds_stand_beside_it(table):
    """Where they were measured; the champion is marked; a failure says why."""
    lines = as_text(table, "small-tuned", {"slow": {"train_cpu_s": 12.5}}).splitlines()

    assert [line[0] for line in lines[1:6]] == [" ", "*", " ", " ", " "]
    assert "0.8900 ± 0.0200" in lines[1]
    assert lines[3].endswith("12.5") and not lines[2].endswith("12.5")
    assert lines[5].split() == ["broken", "failed:", "the", "loss", "became", "NaN"]


def test_the_picture_of_the_front_repeats(tmp_path):
    """The same candidates give the same bytes; also without any."""
    for name in ("one", "two"):
        pareto_picture(front_points(FOUND), tmp_path / f"{name}.png")
    pareto_picture(front_points([FAILED]), tmp_path / "none.png")

    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert (tmp_path / "none.png").read_bytes()[:4] == b"\x89PNG"
