"""The trials of one search: each a small candidate, named by its number, seeded by its settings."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from stages.core.candidates.candidate import Candidate, read_candidate, write_candidate
from stages.core.candidates.model_files import model_files
from stages.core.errors import UserError
from stages.core.evaluating.evaluation import evaluate
from stages.core.files import canonical, read_json, remove, text_digest, write_json
from stages.core.search.casualties import DEATHS, deaths
from stages.core.search.tuning import Outcome, Proposal, sign
from stages.core.settings import entries
from stages.core.settings.entries import Entry
from stages.core.settings.evaluate_options import Evaluate
from stages.core.settings.options import Tune
from stages.core.settings.search_space import Values, applied, changes, own_values, realised
from stages.core.training.data import Data, OutOfMemory
from stages.core.training.making import Listener, Task, make

TRIAL = "trial.json"  # written last: a trial without it has not ended
CURVES = {"val_accuracy": "val_accuracy", "val_loss": "val_log_loss"}  # the objective as `metrics.json` calls it


class Watched:
    """Passes epochs on, and gives a trial up when its best so far is worse than the limit of that epoch."""

    def __init__(self, listener: Listener, proposal: Proposal, tune: Tune) -> None:
        self.listener, self.limits, self.tune = listener, proposal.limits, tune
        self.best, self.pruned = -float("inf"), False

    def epoch(self, number: int, row: dict[str, float]) -> bool:
        """Hear of an epoch; true ends the training."""
        self.listener.epoch(number, row)
        self.best = max(self.best, sign(self.tune) * row[self.tune.objective])
        limit = self.limits.get(str(number))
        self.pruned = limit is not None and self.best < sign(self.tune) * limit
        return self.pruned


@dataclass
class Trials:
    """Runs proposals into trials/NN and reports/NN of `place`, and reads back what became of them."""

    base: Entry
    tune: Tune
    evaluation: Evaluate
    data: Data
    record: dict[str, Any]
    place: Path
    every_s: float
    ended: dict[int, Outcome] = field(default_factory=dict)

    def run(self, proposal: Proposal, live: Callable[[dict[str, Any]], Any]) -> None:
        """Train and judge one proposal, unless an earlier life of this search did."""
        folder, report = self.folders(proposal.number)
        if (folder / TRIAL).exists() and read_json(folder / TRIAL)["proposal"] == asdict(proposal):
            return
        for left in (folder, report):
            remove(left)
            left.mkdir(parents=True)
        record, hidden = self.trial_record(proposal), replace(self.data, test=None, looks={})
        pruned, began = False, time.time()
        try:
            entry = self.entry(proposal.values, proposal.epochs)
        except UserError as error:  # each value alone is right, and these together are not
            candidate = self.refused(folder, record, str(error))
        else:
            with live(record) as listener:
                watched = Watched(listener, proposal, self.tune)
                task = Task(entry, record, hidden, watched, self.kept(proposal.number), self.every_s)
                candidate = self.made(folder, task)
            pruned = watched.pruned
        score = evaluate(candidate, self.evaluation, report).get(CURVES[self.tune.objective])
        history = candidate.history
        curve = [float(value) for value in history[self.tune.objective]] if len(history) else []
        write_json(self.times / folder.name, {"began": began, "ended": time.time()})
        write_json(folder / TRIAL, asdict(Outcome(proposal, score, curve, pruned, candidate.failure)))
        remove(self.kept(proposal.number))

    def made(self, folder: Path, task: Task) -> Candidate:
        """Train a trial. One that had too little memory is a failed one, and the search goes on."""
        try:
            if deaths(self.kept(int(folder.name))) >= DEATHS:
                raise OutOfMemory(f"its process was killed {DEATHS} times for lack of memory")
            return make(folder, task)[0]
        except OutOfMemory as error:
            remove(folder)
            folder.mkdir()
            return self.refused(folder, task.record, f"models.{self.base.name}: {error}")

    @property
    def times(self) -> Path:
        """Where it is noted when each trial began and ended, in seconds since 1970; no out, as it does not repeat."""
        return self.place / "times"

    def kept(self, number: int) -> Path:
        """Where a trial under way is kept."""
        return self.place / "checkpoints" / f"{number:02d}"

    def refused(self, folder: Path, record: dict[str, Any], reason: str) -> Candidate:
        """Write a trial whose settings contradict each other as a failed one."""
        facts = {"failure": reason, "n_epochs": 0, "classes": self.data.classes}
        write_candidate(folder, {**record, **facts}, pd.DataFrame({"epoch": []}), None)
        return read_candidate(folder)

    def folders(self, number: int) -> tuple[Path, Path]:
        """Where a trial is, and its evaluation."""
        return self.place / "trials" / f"{number:02d}", self.place / "reports" / f"{number:02d}"

    def outcome(self, number: int) -> Outcome:
        """What became of a trial that has ended; deletes the models that are no longer among the best."""
        read = read_json(self.folders(number)[0] / TRIAL)
        self.ended[number] = Outcome(**{**read, "proposal": Proposal(**read["proposal"])})
        if self.tune.keep_models != "all":
            kept = self.ranked[: self.tune.keep_models]
            for beaten in set(self.ended) - set(kept):
                folder = self.folders(beaten)[0]
                for name in model_files(folder):
                    remove(folder / name)
        return self.ended[number]

    def trial_record(self, proposal: Proposal) -> dict[str, Any]:
        """Provenance of a trial: that of the search, its own params, and a key below the search's."""
        number = f"{proposal.number:02d}"
        written = self.written(proposal.values, proposal.epochs)
        return {
            **self.record,
            "name": f"{self.base.name}-trial-{number}",
            "params": {**written, "runtime": self.record["params"]["runtime"]},
            "values": proposal.values,
            "key": f"{self.record['key']}-{number}",
        }

    def written(self, values: Values, epochs: int) -> dict[str, Any]:
        """The base entry with these values, this many epochs and a seed drawn from its settings.

        The seed depends on what is tried, not on when, so the order of trials can't change a result. The entry
        as written keeps its own first seed.
        """
        (seed, *_) = self.base.written["fit"]["seeds"]
        if values != own_values(self.base.written, self.tune.space):
            seed = int(text_digest(canonical([seed, values]))[:7], 16) + 1
        written = realised(self.base.written, self.tune.space, values)
        return applied(written, {"fit.epochs": epochs, "fit.seeds": [seed]})

    def entry(self, values: Values, epochs: int) -> Entry:
        """Check what `written` makes. Raises UserError for values that contradict each other."""
        return entries.entry("models", self.base.name, self.written(values, epochs))

    @property
    def ranked(self) -> list[int]:
        """Numbers of the trials that succeeded, best first, given up ones last; the earlier of equals first."""

        def rank(outcome: Outcome) -> tuple[bool, float, int]:
            return outcome.pruned, -sign(self.tune) * float(outcome.score or 0.0), outcome.proposal.number

        good = [outcome for outcome in self.ended.values() if outcome.score is not None]
        return [outcome.proposal.number for outcome in sorted(good, key=rank)]

    @property
    def best(self) -> Proposal:
        """The best trial. Raises UserError when none succeeded."""
        if not self.ranked:
            reasons = [outcome.failure for outcome in self.ended.values()]
            raise UserError(f"tune.{self.base.name}: all {len(reasons)} trials failed, e.g. {reasons[0]}")
        return self.ended[self.ranked[0]].proposal

    def winner(self) -> Entry:
        """Return the entry with the best settings, its own number of epochs and as many seeds as it names."""
        fit, best = self.base.written["fit"], self.best
        written = self.written(best.values, best.values.get("fit.epochs", fit["epochs"]))
        (seed,) = written["fit"]["seeds"]
        seeds = list(dict.fromkeys([seed, *fit["seeds"][1:]]))
        return entries.entry("models", self.base.name, applied(written, {"fit.seeds": seeds}))

    def settings(self) -> dict[str, Any]:
        """The best trial's number, and what it changes in the entry, by dotted path."""
        values = changes(self.base.written, self.tune.space, self.best.values)
        seeds = {"fit.seeds": self.winner().written["fit"]["seeds"]}
        return {"entry": self.base.name, "trial": self.best.number, "values": values | seeds}

    def table(self) -> pd.DataFrame:
        """One row a trial: number, values, epochs planned and run, score, whether given up, why it failed."""
        names = list(dict.fromkeys(name for outcome in self.ended.values() for name in outcome.proposal.values))
        return pd.DataFrame([self.row(self.ended[number], names) for number in sorted(self.ended)])

    def row(self, outcome: Outcome, names: list[str]) -> dict[str, Any]:
        """One row of the table; an inactive value is empty, one that is no plain value is JSON."""
        values = {name: outcome.proposal.values.get(name) for name in names}
        plain = {n: canonical(v).strip() if isinstance(v, dict | list) else v for n, v in values.items()}
        about = {"epochs": outcome.proposal.epochs, "score": outcome.score, "n_epochs": len(outcome.curve)}
        return {
            "trial": outcome.proposal.number,
            **plain,
            **about,
            "pruned": outcome.pruned,
            "failure": outcome.failure or "",
        }
