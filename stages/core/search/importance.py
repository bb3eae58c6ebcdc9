"""What mattered in a search: how much each hyperparameter tells about the score, held against chance."""

from typing import Any

import numpy as np
import pandas as pd

FEWEST = 8  # trials: below that nothing is said
FOREST = {"n_estimators": 50, "min_samples_leaf": 2, "random_state": 1, "n_jobs": 1}
SHUFFLES = 20
COLUMNS = ["hyperparameter", "importance", "chance", "rank_correlation", "n_trials"]


def importances(values: pd.DataFrame, scores: np.ndarray) -> pd.DataFrame:
    """One row a hyperparameter, the most telling first; no rows for fewer than FEWEST trials.

    values: one row a trial, a column a hyperparameter, None where inactive; scores float [n].
    `importance` is how much of the variance of the scores a random forest no longer explains when the column is
    shuffled (Breiman 2001; in the spirit of Hutter et al. 2014). `chance` is the largest that the same procedure gives
    for it when the scores are shuffled: an importance below that says nothing. `rank_correlation` is Spearman's, for
    numbers: its sign is the direction.
    """
    if len(values) < FEWEST or np.ptp(scores) == 0:
        return pd.DataFrame(columns=COLUMNS)
    columns = {str(name): numbers(values[name]) for name in values if values[name].astype(str).nunique() > 1}
    x, rng = np.column_stack(list(columns.values())), np.random.default_rng(1)
    found = lost_variance(x, scores, rng)
    chance = np.max([lost_variance(x, rng.permutation(scores), rng) for _ in range(SHUFFLES)], axis=0)
    rows = [
        {
            "hyperparameter": name,
            "importance": found[index],
            "chance": chance[index],
            "rank_correlation": rank_correlation(values[name], scores),
            "n_trials": int(values[name].notna().sum()),
        }
        for index, name in enumerate(columns)
    ]
    return pd.DataFrame(rows, columns=COLUMNS).sort_values("importance", ascending=False, kind="stable")


def numbers(column: pd.Series) -> np.ndarray:
    """A column as ranks for a forest: numbers in their order, words as codes, -1 where inactive."""
    active = column.notna().to_numpy()
    ranked = np.full(len(column), -1.0)
    if is_numeric(column):
        ranked[active] = pd.to_numeric(column[active]).rank(method="dense")
    else:
        ranked[active] = pd.factorize(column[active].astype(str), sort=True)[0]
    return ranked


def is_numeric(column: pd.Series) -> bool:
    """Whether all active values are numbers; true and false are words."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in plain(column))


def plain(column: pd.Series) -> list[Any]:
    """Active values as Python's own."""
    return [value.item() if hasattr(value, "item") else value for value in column[column.notna()]]


def lost_variance(x: np.ndarray, scores: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Share of the variance of scores [n] that a forest on x [n, d] loses by shuffling each column, float [d]."""
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(**FOREST).fit(x, scores)
    before = np.mean((forest.predict(x) - scores) ** 2)
    lost = np.empty(x.shape[1])
    for column in range(x.shape[1]):
        errors = []
        for _ in range(5):
            shuffled = x.copy()
            shuffled[:, column] = rng.permutation(shuffled[:, column])
            errors.append(np.mean((forest.predict(shuffled) - scores) ** 2))
        lost[column] = (np.mean(errors) - before) / scores.var()
    return lost


def rank_correlation(column: pd.Series, scores: np.ndarray) -> float | None:
    """Spearman's correlation of the active numbers with their scores; None for words or a constant."""
    active = column.notna().to_numpy()
    if not is_numeric(column) or active.sum() < 3:
        return None
    ranks = pd.to_numeric(column[active]).rank().to_numpy()
    if np.ptp(ranks) == 0 or np.ptp(scores[active]) == 0:
        return None
    return float(np.corrcoef(ranks, pd.Series(scores[active]).rank())[0, 1])
