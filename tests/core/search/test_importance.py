"""What mattered in a search: what told about the score stands out, and chance does not."""

import numpy as np
import pandas as pd

from stages.core.search.importance import importances, rank_correlation


def trials(n):
    """Values of n trials: a rate, a word, a value that some trials don't have, and one that never changes."""
    rng = np.random.default_rng(3)
    rate = pd.Series(10 ** rng.uniform(-4, -1, n), dtype=object)
    word = pd.Series(rng.choice(["adam", "sgd", "adamax"], n), dtype=object)
    deep = pd.Series([int(v) if v < 200 else None for v in rng.integers(0, 300, n)], dtype=object)
    return pd.DataFrame({"rate": rate, "word": word, "deep": deep, "same": pd.Series([1] * n, dtype=object)})


def test_what_made_the_score_is_named_first():
    """A score that follows one value has that value on top, above chance, with its direction; the others not."""
    values = trials(30)
    table = importances(values, -np.log10(values["rate"].astype(float).to_numpy())).set_index("hyperparameter")

    assert table.index[0] == "rate" and table.loc["rate", "importance"] > table.loc["rate", "chance"]
    assert table.loc["rate", "rank_correlation"] == -1.0
    assert (table.drop("rate")["importance"] < table.loc["rate", "importance"] / 5).all()
    assert "same" not in table.index and table.loc["deep", "n_trials"] < 30


def test_a_word_can_matter():
    """A score that follows a word has it on top, without a direction."""
    values = trials(30)
    table = importances(values, (values["word"] == "sgd").to_numpy(float)).set_index("hyperparameter")

    assert table.index[0] == "word" and np.isnan(table.loc["word", "rank_correlation"])


def test_chance_is_not_said_to_matter():
    """Scores drawn by chance lie above what chance gives for at most one value in twenty draws, give or take."""
    values = trials(20)
    tables = [importances(values, np.random.default_rng(seed).uniform(size=20)) for seed in range(3)]
    claims = sum(int((table["importance"] > table["chance"]).sum()) for table in tables)

    assert claims <= 2  # of 9; 5 % each would be 0.5


def test_few_or_equal_trials_say_nothing():
    """Below eight trials, or with one score for all, there are no rows; the columns stay."""
    for table in (importances(trials(7), np.arange(7.0)), importances(trials(20), np.ones(20))):
        assert table.empty and list(table.columns)[:2] == ["hyperparameter", "importance"]


def test_importance_repeats():
    """The same trials give the same table."""
    values, scores = trials(12), np.arange(12.0)

    pd.testing.assert_frame_equal(importances(values, scores), importances(values, scores))


def test_rank_correlation_by_hand():
    """Spearman of active numbers only."""
    column = pd.Series([1, 2, None, 3], dtype=object)

    assert rank_correlation(column, np.array([1.0, 2.0, -9.0, 3.0])) == 1.0
    assert rank_correlation(column, np.array([3.0, 2.0, -9.0, 1.0])) == -1.0
