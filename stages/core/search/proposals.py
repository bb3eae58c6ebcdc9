"""Who proposes the next trials: keras-tuner's oracles, asked for a batch at a time."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import keras_tuner as kt

from stages.core.errors import UserError
from stages.core.settings.options import Tune
from stages.core.settings.search_space import Dimension, Values, dimensions, grid, own_values, rounded

ENDLESS = 1_000_000  # trials: a budget of epochs or minutes ends such a search


def declared(found: list[Dimension]) -> kt.HyperParameters:
    """Declare the dimensions to keras-tuner: what has points as the index of one, else as a range."""
    space = kt.HyperParameters()
    for dimension in found:
        with ExitStack() as scopes:
            for length, index in dimension.parents:
                lengths = list(range(index + 1, longest(found, length) + 1))
                scopes.enter_context(space.conditional_scope(length, lengths))
            declare(space, dimension)
    return space


def declare(space: kt.HyperParameters, dimension: Dimension) -> None:
    """Declare one dimension within the conditions that are open."""
    name, leaf, default = dimension.name, dimension.leaf, encoded(dimension, dimension.default)
    if dimension.name.endswith(".length"):
        space.Int(name, leaf["min"], leaf["max"], default=default)
    elif dimension.points is not None:
        numbers = all(type(point) in (int, float) for point in dimension.points)
        space.Choice(name, list(range(len(dimension.points))), ordered=numbers, default=default)
    elif dimension.whole:
        space.Int(name, leaf["min"], leaf["max"], sampling=leaf["scale"], default=default)
    else:
        space.Float(name, float(leaf["min"]), float(leaf["max"]), sampling=leaf["scale"], default=default)


def longest(found: list[Dimension], name: str) -> int:
    """The greatest length that a list may have."""
    return int(next(max(dimension.ends) for dimension in found if dimension.name == name))


def encoded(dimension: Dimension, value: Any) -> Any:
    """A value as keras-tuner holds it."""
    if dimension.points is not None and not dimension.name.endswith(".length"):
        return dimension.points.index(value)
    return value if dimension.whole else float(value)


def decoded(dimension: Dimension, held: Any) -> Any:
    """The value that keras-tuner holds, as it is written into the entry: floats to six digits, within the range."""
    if dimension.points is not None and not dimension.name.endswith(".length"):
        return dimension.points[int(held)]
    if dimension.whole:
        return int(held)
    return min(max(rounded(float(held)), dimension.leaf["min"]), dimension.leaf["max"])


class Grid(kt.Oracle):  # type: ignore[misc]
    """Every point of a space, in its own order. keras-tuner's GridSearch waits for results to go on."""

    def __init__(self, points: Iterator[Values], **common: Any) -> None:
        super().__init__(**common)
        self.points = points

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Propose the next point that was not tried yet."""
        values = next((values for values in self.points if not self._duplicate(values)), None)
        return {"status": "RUNNING" if values else "STOPPED", "values": values}


def oracle(entry: dict[str, Any], tune: Tune) -> Any:
    """Return the proposer of a method, changed so that its first proposal is the entry where that lies inside."""
    found = dimensions(tune.space, entry)
    own, n_trials = own_values(entry, tune.space), tune.budget.get("trials", ENDLESS)
    common = {
        "objective": kt.Objective(tune.objective, "max" if tune.objective == "val_accuracy" else "min"),
        "hyperparameters": declared(found),
        "seed": tune.seed,
        "allow_new_entries": False,
        "tune_new_entries": False,
        "max_retries_per_trial": 0,
        "max_consecutive_failed_trials": n_trials + 1,  # never: a failed trial is not a dead search
    }
    kinds = {
        "random": kt.oracles.RandomSearchOracle,
        "grid": Grid,
        "bayesian": kt.oracles.BayesianOptimizationOracle,
        "hyperband": kt.oracles.HyperbandOracle,
    }
    special: dict[str, dict[str, Any]] = {
        "grid": {"points": points(found, tune)} if tune.method == "grid" else {},
        "hyperband": {"max_epochs": tune.epochs},
        "bayesian": {"num_initial_points": tune.initial_points},
    }
    first = own and {d.name: encoded(d, own[d.name]) for d in found if d.name in own}
    made = beginning_with(first, kinds[tune.method])(**special.get(tune.method, {}), **common)
    made.max_trials, made.verbose = n_trials, 0  # hyperband takes no max_trials
    check_first_round(made, tune)
    return made


def points(found: list[Dimension], tune: Tune) -> Iterator[Values]:
    """Yield the grid as keras-tuner holds it. Raises UserError for a range without steps, or too small a budget."""
    endless = [dimension.name for dimension in found if dimension.points is None]
    if endless:
        raise UserError(f"params.yaml: tune: a grid needs choices or a step for {', '.join(endless)}")
    allowed = tune.budget.get("trials", ENDLESS)
    n = sum(1 for _, _ in zip(range(allowed + 1), grid(found), strict=False))
    if n > allowed and "trials" in tune.budget:
        n = sum(1 for _ in zip(range(ENDLESS), grid(found), strict=False))
        raise UserError(f"params.yaml: tune: the grid has {n:,} points; budget.trials must reach that, got {allowed}")
    by_name = {dimension.name: dimension for dimension in found}
    return ({name: encoded(by_name[name], value) for name, value in point.items()} for point in grid(found))


def check_first_round(made: Any, tune: Tune) -> None:
    """Raise UserError when hyperband would stop before it promotes anything: it were a random search."""
    if tune.method != "hyperband":
        return
    first = made._get_size(made._get_num_brackets() - 1, 0)
    if tune.budget.get("trials", ENDLESS) <= first:
        raise UserError(
            f"params.yaml: tune: hyperband over {tune.epochs} epochs begins with {first} trials and then promotes; "
            f"budget.trials must be above that, got {tune.budget['trials']}"
        )


def beginning_with(first: Values | None, kind: Any) -> Any:
    """Return a subclass of an oracle whose first proposal has these values, and which repeats no point.

    keras-tuner's Bayesian search proposes the same point again when its model's optimum does not move, which for
    choices and whole numbers is common; a random point teaches it more.
    """

    class Beginning(kind):  # type: ignore[misc]
        left = first

        def _random_values(self) -> Any:
            values, self.left = self.left, None
            return dict(values) if values else super()._random_values()

        def populate_space(self, trial_id: str) -> dict[str, Any]:
            if self.left and issubclass(kind, Grid):
                return {"status": "RUNNING", "values": self._random_values()}
            proposed = super().populate_space(trial_id)
            bayesian = issubclass(kind, kt.oracles.BayesianOptimizationOracle)
            if bayesian and proposed["status"] == "RUNNING" and self._duplicate(proposed["values"]):
                return self._random_populate_space()
            return proposed

    return Beginning
