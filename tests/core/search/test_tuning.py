"""The search: what is tried first, what is learnt, who is given up, and what happens when trials fail."""

import copy

import pytest

from stages.core.errors import UserError
from stages.core.layout import PROJECT
from stages.core.settings.options import Prune, Tune
from stages.core.settings.params import read_yaml

pytestmark = pytest.mark.slow
ENTRY = read_yaml(PROJECT / "params.yaml")["models"]["plain"]
RATE = {"min": 1e-4, "max": 1e-1, "scale": "log"}
SPACE = {"fit": {"optimizer": {"rate": RATE}, "batch_size": {"choices": [32, 64]}}}
DEEP = {
    "blocks": {
        "length": {"min": 1, "max": 3},
        "each": {"filters": {"length": {"min": 1, "max": 2}, "each": {"choices": [32, 64]}}},
    },
    "fit": {"optimizer": {"rate": RATE}},
}
METHODS = [("random", 4), ("grid", 8), ("bayesian", 6), ("hyperband", 20)]


def tune(method, trials, **changes):
    """A search section."""
    space = copy.deepcopy(SPACE)
    if method == "grid":
        space["fit"]["optimizer"]["rate"]["step"] = 10
    fixed = {
        "input": "images",
        "budget": {"trials": trials},
        "epochs": 9,
        "initial_points": 3,
        "batch": 2,
        "workers": 1,
        "prune": None,
        "objective": "val_accuracy",
        "seed": 1,
        "keep_models": "all",
    }
    return Tune(**{**fixed, "method": method, "space": space, **changes})


def tried(settings, tmp_path, score=lambda values: -abs(values["fit.optimizer.rate"] - 0.01), clock=None):
    """Run a search with a made-up score; returns the proposals in the order of their numbers."""
    from stages.core.search.tuning import Handout, Outcome, Search, Study, run_all

    seen = {}

    def run(proposal):
        reached = score(proposal.values)
        curve = [] if reached is None else [reached] * proposal.epochs
        seen[proposal.number] = Outcome(proposal, reached, curve, False, None if reached is not None else "no reason")

    extra = {"clock": clock} if clock else {}
    handout = Handout(Study(ENTRY, settings, lambda number: seen[number], tmp_path / "study", **extra), tmp_path)
    run_all(Search(handout, run, tmp_path / "search"))
    if handout.broken:
        raise handout.broken
    return [seen[number].proposal for number in sorted(seen)]


@pytest.mark.parametrize(("method", "trials"), METHODS)
def test_trial_1_is_the_entry_and_a_search_repeats(method, trials, tmp_path):
    """The first proposal is what the user wrote; the same seed proposes the same again, most of them different."""
    first = tried(tune(method, trials), tmp_path / "a")

    assert first[0].values == {"fit.optimizer.rate": 1e-3, "fit.batch_size": 32}
    assert [proposal.number for proposal in first] == list(range(1, trials + 1))
    assert first == tried(tune(method, trials), tmp_path / "b")
    assert len({tuple(proposal.values.items()) for proposal in first}) > trials / 2


@pytest.mark.parametrize(("method", "trials"), [("random", 6), ("bayesian", 5), ("hyperband", 6)])
def test_every_proposal_lies_in_its_space(method, trials, tmp_path):
    """Whatever a method proposes, depth included, is an entry that its kind takes, with just the active values."""
    from stages.core.settings.params import entry
    from stages.core.settings.search_space import dimensions, realised

    for proposal in tried(tune(method, trials, space=DEEP, epochs=3), tmp_path):
        active = [d.name for d in dimensions(DEEP, ENTRY) if d.active(proposal.values)]
        assert list(proposal.values) == active
        checked = entry("models", "made", realised(ENTRY, DEEP, proposal.values))
        assert len(checked.options.blocks) == proposal.values["blocks.length"]


def test_an_entry_outside_its_space_is_no_trial(tmp_path):
    """The search then begins with what its method proposes, within the space."""
    space = {"fit": {"optimizer": {"rate": {"min": 0.01, "max": 0.1, "scale": "log"}}}}

    assert all(0.01 <= p.values["fit.optimizer.rate"] <= 0.1 for p in tried(tune("random", 3, space=space), tmp_path))


def test_bayesian_learns_from_results(tmp_path):
    """After its initial points its proposals depend on the scores; random's do not."""
    up = lambda values: values["fit.optimizer.rate"]  # noqa: E731
    down = lambda values: -values["fit.optimizer.rate"]  # noqa: E731

    assert tried(tune("bayesian", 7), tmp_path / "a", up) != tried(tune("bayesian", 7), tmp_path / "b", down)
    assert tried(tune("random", 7), tmp_path / "c", up) == tried(tune("random", 7), tmp_path / "d", down)


def test_no_method_tries_a_point_twice(tmp_path):
    """When a Bayesian search would repeat itself, it draws at random; a space that is used up ends the search."""
    space = {"fit": {"batch_size": {"choices": [16, 32, 64]}}}
    seen = tried(tune("bayesian", 9, space=space, initial_points=1, batch=1), tmp_path, lambda values: 1.0)

    assert sorted(p.values["fit.batch_size"] for p in seen) == [16, 32, 64]


def test_a_grid_tries_every_point_once(tmp_path):
    """Optimizers x rates x epochs: the entry first, then the others in the order of the file; epochs are the trial's."""
    space = {
        "fit": {
            "optimizer": {"name": {"choices": ["adam", "sgd", "adamax"]}, "rate": {**RATE, "step": 10}},
            "epochs": {"choices": [10, 20]},
        }
    }
    seen = tried(tune("grid", 24, space=space, epochs=None), tmp_path)

    assert len({tuple(p.values.values()) for p in seen}) == 24
    assert all(p.epochs == p.values["fit.epochs"] for p in seen)
    assert seen[0].values["fit.epochs"] == ENTRY["fit"]["epochs"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": {"trials": 5}}, "the grid has 8 points; budget.trials must reach that, got 5"),
        ({"space": SPACE}, "a grid needs choices or a step for fit.optimizer.rate"),
    ],
)
def test_a_grid_that_can_not_be_walked_is_refused(changes, message, tmp_path):
    """A range without steps, or too few trials, is an error and no quiet part of a grid."""
    with pytest.raises(UserError, match=message):
        tried(tune("grid", 8, **changes), tmp_path)


def test_hyperband_gives_more_epochs_to_the_better(tmp_path):
    """Its trials run for different numbers of epochs, up to tune.epochs."""
    epochs = {proposal.epochs for proposal in tried(tune("hyperband", 20), tmp_path)}

    assert len(epochs) > 1 and max(epochs) == 9


def test_hyperband_that_would_promote_nothing_is_refused(tmp_path):
    """Too few trials for its first round is an error with the number that is needed."""
    with pytest.raises(UserError, match=r"begins with \d+ trials and then promotes; budget.trials must be above that"):
        tried(tune("hyperband", 4), tmp_path)


def test_a_budget_of_epochs_is_never_passed(tmp_path):
    """Trials are proposed while their epochs fit in; the first always runs."""
    assert len(tried(tune("random", 1, budget={"epochs": 40}), tmp_path / "a")) == 4
    assert len(tried(tune("random", 1, budget={"epochs": 1}), tmp_path / "b")) == 1


def test_a_budget_of_minutes_ends_within_a_batch(tmp_path):
    """No trial begins after the time is over, not even one that was proposed already."""
    minutes = iter(range(0, 100000, 20))  # seconds: each look at the clock finds 20 s gone

    assert 1 < len(tried(tune("random", 1, budget={"minutes": 2}, batch=2), tmp_path, clock=lambda: next(minutes))) < 6


@pytest.mark.parametrize("method", ["random", "bayesian"])
def test_a_failed_trial_is_not_a_dead_search(method, tmp_path):
    """Trials without a score are passed over."""
    assert len(tried(tune(method, 4), tmp_path, lambda values: None)) == 4


def test_a_broken_trial_stops_with_its_own_error(tmp_path):
    """A bug in a trial is not swallowed."""
    with pytest.raises(KeyError, match="nothing of that name"):
        tried(tune("random", 4), tmp_path, lambda values: {}["nothing of that name"])


def test_the_median_by_hand():
    """Best so far at each epoch, a short curve counts on, given up and failed trials do not count."""
    from stages.core.search.tuning import Outcome, Proposal, median_limits

    settings = tune("random", 4, prune=Prune(after=2, below="median"))
    curves = [[0.1, 0.3, 0.2], [0.5], [0.2, 0.1, 0.6]]
    told = [Outcome(Proposal(1, {}, 3, {}), 1.0, curve, False, None) for curve in curves]
    told += [Outcome(Proposal(4, {}, 3, {}), 1.0, [0.9, 0.9], True, None)]
    told += [Outcome(Proposal(5, {}, 3, {}), None, [], False, "failed")]

    assert median_limits(told, settings) == {"2": 0.3, "3": 0.5}  # of 0.3 0.5 0.2, and of 0.3 0.5 0.6
    assert median_limits([], settings) == {} == median_limits(told, tune("random", 4))


@pytest.mark.parametrize(("objective", "values"), [("val_accuracy", [0.1, 0.2]), ("val_loss", [2.0, 1.9])])
def test_a_trial_is_given_up_below_the_limit(objective, values):
    """It is stopped at the first epoch whose limit its best so far does not reach, in the objective's direction."""
    from stages.core.search.trials import Watched
    from stages.core.search.tuning import Proposal

    heard = []
    listener = type("Heard", (), {"epoch": lambda self, number, row: heard.append(number)})()
    limit = {"val_accuracy": 0.3, "val_loss": 1.0}[objective]
    settings = tune("random", 4, objective=objective)
    watched = Watched(listener, Proposal(3, {}, 5, {"2": limit}), settings)

    assert not watched.epoch(1, {objective: values[0]}) and watched.epoch(2, {objective: values[1]})
    assert watched.pruned and heard == [1, 2]
    kept = Watched(listener, Proposal(3, {}, 5, {"2": values[1]}), settings)
    assert not kept.epoch(1, {objective: values[0]}) and not kept.epoch(2, {objective: values[1]})
