"""The search around one entry with keras-tuner: who proposes, and what a trial is called."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras_tuner as kt
from keras_tuner.engine.base_tuner import BaseTuner
from keras_tuner.src import config

from stages.core.errors import UserError
from stages.core.options import Tune
from stages.core.search_space import get, leaves

Score = float
RunTrial = Callable[[int, dict[str, Any], int], Score | None]


def hyperparameters(entry: dict[str, Any], space: dict[str, Any]) -> kt.HyperParameters:
    """Declare the space to keras-tuner; each default is the entry's own value."""
    declared = kt.HyperParameters()
    for path, leaf in leaves(space):
        name, default = ".".join(path), get(entry, path)
        if "choices" in leaf:
            declared.Choice(name, leaf["choices"], default=default)
        elif isinstance(default, int) and isinstance(leaf["min"], int) and isinstance(leaf["max"], int):
            declared.Int(name, leaf["min"], leaf["max"], sampling=leaf["scale"], default=default)
        else:
            declared.Float(name, float(leaf["min"]), float(leaf["max"]), sampling=leaf["scale"], default=float(default))
    return declared


def oracle(entry: dict[str, Any], tune: Tune) -> Any:
    """Return keras-tuner's proposer, changed so that its first proposal is the entry as written."""
    objective = kt.Objective(tune.objective, "max" if tune.objective == "val_accuracy" else "min")
    common = {
        "objective": objective,
        "hyperparameters": hyperparameters(entry, tune.space),
        "seed": tune.seed,
        "allow_new_entries": False,
        "tune_new_entries": False,
        "max_retries_per_trial": 0,
        "max_consecutive_failed_trials": tune.trials + 1,  # never: a failed trial is not a dead search
    }
    kinds = {
        "random": kt.oracles.RandomSearchOracle,
        "bayesian": kt.oracles.BayesianOptimizationOracle,
        "hyperband": kt.oracles.HyperbandOracle,
    }
    own = {"hyperband": {"max_epochs": tune.epochs}, "bayesian": {"num_initial_points": tune.initial_points}}
    made = entry_first(kinds[tune.method])(**own.get(tune.method, {}), **common)
    made.max_trials = tune.trials  # hyperband takes no such argument and would go on through its brackets
    check_first_round(made, tune)
    return made


def check_first_round(made: Any, tune: Tune) -> None:
    """Raise UserError when hyperband would stop before it promotes anything: it were a random search."""
    if tune.method == "hyperband" and tune.trials <= (first := made._get_size(made._get_num_brackets() - 1, 0)):
        raise UserError(
            f"params.yaml: tune: hyperband over {tune.epochs} epochs begins with {first} trials and then promotes; "
            f"trials must be above that, got {tune.trials}"
        )


def entry_first(kind: Any) -> Any:
    """Return a subclass of an oracle whose first random values are the defaults."""

    class EntryFirst(kind):  # type: ignore[misc]
        first = True

        def _random_values(self) -> Any:
            if not self.first:
                return super()._random_values()
            self.first = False
            values = {hp.name: hp.default for hp in self.hyperparameters.space}
            self._tried_so_far.add(self._compute_values_hash(values))
            return values

    return EntryFirst


class Search(BaseTuner):  # type: ignore[misc]
    """keras-tuner's loop around a function that runs trial number n (from 1) with values for some epochs."""

    def __init__(self, proposer: Any, run: RunTrial, tune: Tune, folder: Path) -> None:
        super().__init__(
            oracle=proposer,
            hypermodel=lambda hp: None,
            directory=str(folder),
            project_name="search",
            overwrite=True,
        )
        config.DEBUG = False  # it prints a traceback for each failed trial; ours says why in a sentence
        self.run, self.tune = run, tune
        self.n_run = 0

    def _populate_initial_space(self) -> None:
        """Do nothing: the space is declared, not found by building a model."""

    def run_trial(self, trial: Any, *_: Any, **__: Any) -> Any:
        """Train one proposal; a failed one is a failed trial, not a dead search."""
        self.n_run += 1
        values = dict(trial.hyperparameters.values)
        epochs = int(values.pop("tuner/epochs", self.tune.epochs))
        settings = {name: value for name, value in values.items() if not name.startswith("tuner/")}
        try:
            score = self.run(self.n_run, settings, epochs)
        except Exception as error:  # keras-tuner would swallow it and go on
            raise kt.errors.FatalError(str(error)) from error
        if score is None:
            raise kt.errors.FailedTrialError("the training failed")
        return {self.tune.objective: score}

    def on_search_end(self) -> None:
        """Nothing to clean up."""

    def save_model(self, *_: Any, **__: Any) -> None:
        """Do nothing: trials keep their own files."""

    def load_model(self, trial: Any) -> None:
        """Do nothing: trials keep their own files."""
