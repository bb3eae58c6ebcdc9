"""The search: what is tried first, what is learnt, and what happens when trials fail."""

import pytest

from stages.core.errors import UserError
from stages.core.layout import PROJECT
from stages.core.options import Tune
from stages.core.params import read_yaml

pytestmark = pytest.mark.slow
ENTRY = read_yaml(PROJECT / "params.yaml")["models"]["plain"]
SPACE = {
    "fit": {"optimizer": {"rate": {"min": 1e-4, "max": 1e-1, "scale": "log"}}, "batch_size": {"choices": [32, 64]}}
}
NAMES = ["fit.optimizer.rate", "fit.batch_size"]


def tune(method, trials, **changes):
    """A search section."""
    fixed = {"initial_points": 3, "epochs": 9, "objective": "val_accuracy", "seed": 1, "keep_models": "all"}
    return Tune(method=method, trials=trials, space=SPACE, **{**fixed, **changes})


def tried(settings, tmp_path, score=lambda values: -abs(values["fit.optimizer.rate"] - 0.01)):
    """Run a search with a made-up score; returns (number, values, epochs) of every trial."""
    from stages.core.trials import search_all
    from stages.core.tuning import Search, oracle

    seen = []

    def run(number, values, epochs):
        seen.append((number, values, epochs))
        return score(values)

    search_all(Search(oracle(ENTRY, settings), run, settings, tmp_path))
    return seen


@pytest.mark.parametrize(("method", "trials"), [("random", 4), ("bayesian", 5), ("hyperband", 20)])
def test_trial_1_is_the_entry_and_a_search_repeats(method, trials, tmp_path):
    """The first proposal is what the user wrote; the same seed proposes the same again, all of them different."""
    first = tried(tune(method, trials), tmp_path / "a")

    assert first[0][1] == {"fit.optimizer.rate": 1e-3, "fit.batch_size": 32}
    assert len(first) == trials and first == tried(tune(method, trials), tmp_path / "b")
    assert len({tuple(values.items()) for _, values, _ in first}) > trials / 2


def test_bayesian_learns_from_results(tmp_path):
    """After its initial points its proposals depend on the scores; random's do not."""
    up = lambda values: values["fit.optimizer.rate"]  # noqa: E731
    down = lambda values: -values["fit.optimizer.rate"]  # noqa: E731

    assert tried(tune("bayesian", 7), tmp_path / "a", up) != tried(tune("bayesian", 7), tmp_path / "b", down)
    assert tried(tune("random", 7), tmp_path / "c", up) == tried(tune("random", 7), tmp_path / "d", down)


def test_hyperband_gives_more_epochs_to_the_better(tmp_path):
    """Its trials run for different numbers of epochs, up to tune.epochs."""
    epochs = {epochs for _, _, epochs in tried(tune("hyperband", 20), tmp_path)}

    assert len(epochs) > 1 and max(epochs) == 9


def test_hyperband_that_would_promote_nothing_is_refused(tmp_path):
    """Too few trials for its first round is an error with the number that is needed."""
    with pytest.raises(UserError, match=r"begins with \d+ trials and then promotes; trials must be above that, got 4"):
        tried(tune("hyperband", 4), tmp_path)


def test_a_failed_trial_is_not_a_dead_search(tmp_path):
    """Trials without a score are passed over."""
    seen = tried(tune("random", 4), tmp_path, lambda values: None)

    assert len(seen) == 4


def test_a_broken_trial_stops_with_its_own_error(tmp_path):
    """A bug in a trial is not swallowed."""
    with pytest.raises(KeyError, match="nothing of that name"):
        tried(tune("random", 4), tmp_path, lambda values: {}["nothing of that name"])
