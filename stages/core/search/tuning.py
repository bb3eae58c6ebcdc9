"""The search around one entry: batches of proposals, handed out by keras-tuner's service or in this process.

All results of a batch are told to the proposer in the order of the trials' numbers before the next batch is
proposed, so that neither the number of workers nor who is faster changes what is tried.
"""

import json
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras_tuner as kt

from stages.core.search.proposals import decoded, oracle
from stages.core.settings.options import Tune
from stages.core.settings.search_space import Values, dimensions

PROPOSAL, SCORE = "proposal", "score"


@dataclass(frozen=True)
class Proposal:
    """Trial `number` (from 1) with these values for some epochs; `limits` say where it is given up, by epoch."""

    number: int
    values: Values
    epochs: int
    limits: dict[str, float]


@dataclass(frozen=True)
class Outcome:
    """What became of a proposal; `curve` is its objective by epoch, `score` None for a failed one."""

    proposal: Proposal
    score: float | None
    curve: list[float]
    pruned: bool
    failure: str | None


@dataclass
class Study:
    """Proposes batches and learns from their outcomes; `outcome` reads that of a trial that has ended."""

    entry: dict[str, Any]
    tune: Tune
    outcome: Callable[[int], Outcome]
    scratch: Path
    clock: Callable[[], float] = time.monotonic
    told: list[Outcome] = field(default_factory=list)
    asked: list[tuple[Any, Proposal]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.began = self.clock()
        self.dimensions = {dimension.name: dimension for dimension in dimensions(self.tune.space, self.entry)}
        self.oracle = oracle(self.entry, self.tune)
        self.oracle._set_project_dir(str(self.scratch), "proposals")

    def next_batch(self) -> list[Proposal]:
        """Tell the outcomes of the last batch and return the next; nothing when the search is over."""
        for trial, proposal in self.asked:
            self.tell(trial, self.outcome(proposal.number))
        self.asked = []
        limits = median_limits(self.told, self.tune)
        while len(self.asked) < self.tune.batch:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the Gaussian process's own fit: nothing a user can mend
                trial = self.oracle.create_trial(f"place {len(self.asked)}")
            if trial.status != "RUNNING":
                break
            proposal = self.proposal(trial, limits)
            if not self.affordable(proposal):
                break
            self.asked.append((trial, proposal))
        return [proposal for _, proposal in self.asked]

    def tell(self, trial: Any, outcome: Outcome) -> None:
        """Hand an outcome to the proposer."""
        self.told.append(outcome)
        trial.status = "FAILED"
        if outcome.score is not None:
            self.oracle.update_trial(trial.trial_id, {self.tune.objective: outcome.score})
            trial.status = "COMPLETED"
        self.oracle.end_trial(trial)

    def proposal(self, trial: Any, limits: dict[str, float]) -> Proposal:
        """A trial of keras-tuner in our words."""
        held = trial.hyperparameters.values
        values = {name: decoded(self.dimensions[name], held[name]) for name in self.dimensions if name in held}
        epochs = held.get("tuner/epochs", values.get("fit.epochs", self.tune.epochs))
        own = self.entry.get("fit", {}).get("epochs", 1)
        return Proposal(int(trial.trial_id) + 1, values, int(epochs or own), limits)

    def affordable(self, proposal: Proposal) -> bool:
        """Whether the budget reaches for one more trial; it always does for the first."""
        spent = sum(len(outcome.curve) for outcome in self.told) + sum(p.epochs for _, p in self.asked)
        allowed = self.tune.budget.get("epochs")
        return proposal.number == 1 or ((allowed is None or spent + proposal.epochs <= allowed) and not self.expired())

    def expired(self) -> bool:
        """Whether a budget in minutes is used up."""
        minutes = self.tune.budget.get("minutes")
        return minutes is not None and self.clock() - self.began >= 60 * minutes


def sign(tune: Tune) -> int:
    """1 where more of the objective is better, else -1."""
    return 1 if tune.objective == "val_accuracy" else -1


def best_so_far(curve: list[float], tune: Tune) -> list[float]:
    """The best objective up to each epoch."""
    return [sign(tune) * max(sign(tune) * value for value in curve[: epoch + 1]) for epoch in range(len(curve))]


def median_limits(told: list[Outcome], tune: Tune) -> dict[str, float]:
    """The median, by epoch from prune.after on, of the best so far of the trials that were not given up.

    One that stopped early by itself counts on with its best. Golovin et al. 2017, Google Vizier, median stopping.
    """
    if tune.prune is None:
        return {}
    curves = [best_so_far(outcome.curve, tune) for outcome in told if outcome.curve and not outcome.pruned]
    last = max(map(len, curves), default=0)
    return {
        str(epoch): statistics.median(curve[min(epoch, len(curve)) - 1] for curve in curves)
        for epoch in range(tune.prune.after, last + 1)
    }


class Handout(kt.Oracle):  # type: ignore[misc]
    """What keras-tuner's loop and service see: it hands out the proposals of a batch, then waits for all of them.

    A proposal travels as text, since the service's numbers are float32; so do outcomes, in the trials' files.
    """

    study: Study  # None in a worker, where keras-tuner puts the service's client in its place

    def __init__(self, study: Study | None, scratch: Path) -> None:
        super().__init__(
            objective=kt.Objective(SCORE, "max"), hyperparameters=kt.HyperParameters(), tune_new_entries=False
        )
        self.study, self.verbose = study, 0  # type: ignore[assignment]
        self.waiting: list[Proposal] = []
        self.over = False
        self.broken: Exception | None = None
        self._set_project_dir(str(scratch), "handout")

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Hand out the next proposal, or say to wait or to stop. An error of a proposer is kept, and ends it."""
        if not self.waiting and not self.ongoing_trials and not self.over:
            try:
                self.waiting = self.study.next_batch()
            except Exception as error:  # raised through keras-tuner's lock, it would never be released
                self.broken = error
            self.over = not self.waiting
        if self.waiting and self.study.expired() and self.waiting[0].number > 1:
            self.waiting, self.over = [], True
        if self.waiting:
            return {"status": "RUNNING", "values": {PROPOSAL: json.dumps(asdict(self.waiting.pop(0)))}}
        return {"status": "IDLE" if self.ongoing_trials else "STOPPED"}


class Search(kt.engine.base_tuner.BaseTuner):  # type: ignore[misc]
    """keras-tuner's loop around a function that runs a proposal; in a worker its oracle is the service's client."""

    def __init__(self, handout: kt.Oracle, run: Callable[[Proposal], None], scratch: Path) -> None:
        super().__init__(oracle=handout, directory=str(scratch), project_name="handout")
        self.run = run

    def pre_create_trial(self) -> None:
        """Wait a little, lest an idle worker asks a thousand times a second."""
        time.sleep(0.02)

    def run_trial(self, trial: Any, *_: Any, **__: Any) -> Any:
        """Run one proposal. What it raises ends the search: keras-tuner would swallow it and go on."""
        try:
            self.run(Proposal(**json.loads(trial.hyperparameters.values[PROPOSAL])))
        except Exception as error:
            raise kt.errors.FatalError(str(error)) from error
        return {SCORE: 0.0}

    def save(self) -> None:
        """Do nothing: trials keep their own files."""


def run_all(search: Search) -> None:
    """Run keras-tuner's loop. Raises what a trial raised, not what keras-tuner made of it."""
    try:
        search.search(verbose=0)
    except kt.errors.FatalError as error:
        raise error.__cause__ or error from None
