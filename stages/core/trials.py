"""The trials of one search: each a small candidate, named by its number, seeded by its settings."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from keras_tuner.errors import FatalError

from stages.core import params as params_file
from stages.core.candidate import MODEL, Candidate
from stages.core.errors import UserError
from stages.core.evaluation import evaluate
from stages.core.files import canonical, remove, text_digest
from stages.core.fitting import Data
from stages.core.making import make
from stages.core.options import Evaluate, Tune
from stages.core.params import Entry
from stages.core.search_space import applied, get, leaves
from stages.core.tuning import Search, oracle


@dataclass
class Trials:
    """Runs a search and remembers, for each trial from 1, its settings and what it reached on validation."""

    base: Entry
    tune: Tune
    evaluation: Evaluate
    data: Data
    record: dict[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)
    tried: dict[int, dict[str, Any]] = field(default_factory=dict)

    def search(self, folder: Path, report: Path, live: Callable[[dict[str, Any]], Any]) -> None:
        """Run every trial into folder/NN and report/NN. Raises UserError when none succeeds."""
        hidden = replace(self.data, test=None, looks={})

        def run(number: int, values: dict[str, Any], epochs: int) -> float | None:
            values = {name: plain(value) for name, value in values.items()}
            record = self.trial_record(number, values, epochs)
            entry = self.entry(values, epochs)
            candidate, _ = make(folder / f"{number:02d}", entry, record, hidden, live(record))
            return self.judge(candidate, number, values, report / f"{number:02d}")

        with tempfile.TemporaryDirectory() as scratch:
            search_all(Search(oracle(self.base.written, self.tune), run, self.tune, Path(scratch)))
        if all(row["failure"] for row in self.rows):
            raise UserError(
                f"tune.{self.base.name}: all {len(self.rows)} trials failed, e.g. {self.rows[0]['failure']}"
            )
        self.prune(folder)

    def judge(self, candidate: Candidate, number: int, values: dict[str, Any], report: Path) -> float | None:
        """Evaluate a trial on validation, keep its row, and return its score; None for a failed one."""
        report.mkdir(parents=True)
        metrics = evaluate(candidate, self.evaluation, report)
        name = {"val_accuracy": "val_accuracy", "val_loss": "val_log_loss"}[self.tune.objective]
        score = metrics.get(name)
        row = {"trial": number, **values, "score": score, "n_epochs": candidate.record["n_epochs"]}
        self.rows.append({**row, "failure": candidate.failure or ""})
        self.tried[number] = values
        return score

    def trial_record(self, number: int, values: dict[str, Any], epochs: int) -> dict[str, Any]:
        """Provenance of a trial: that of the search, its own params, and a key below the search's."""
        entry = self.entry(values, epochs)
        params = {**entry.written, "runtime": self.record["params"]["runtime"]}
        name = f"{self.base.name}-trial-{number:02d}"
        return {
            **self.record,
            "name": name,
            "params": params,
            "values": values,
            "key": f"{self.record['key']}-{number:02d}",
        }

    def entry(self, values: dict[str, Any], epochs: int) -> Entry:
        """Return the base entry with these values, this many epochs and a seed drawn from its settings.

        The seed depends on what is tried, not on when, so the order of trials can't change a result. The entry
        as written keeps its own seed.
        """
        written = applied(self.base.written, {"fit.epochs": epochs, **values})
        if values != self.defaults():
            digits = text_digest(canonical([self.base.written["fit"]["seed"], values]))[:7]
            written = applied(written, {"fit.seed": int(digits, 16) + 1})
        return params_file.entry("models", self.base.name, written)

    def defaults(self) -> dict[str, Any]:
        """Values of the entry as written."""
        return {".".join(path): get(self.base.written, path) for path, _ in leaves(self.tune.space)}

    @property
    def ranked(self) -> list[int]:
        """Numbers of the trials that succeeded, best first; the earlier of equals first."""
        sign = -1 if self.tune.objective == "val_accuracy" else 1
        good = [row for row in self.rows if row["score"] is not None]
        return [row["trial"] for row in sorted(good, key=lambda row: (sign * row["score"], row["trial"]))]

    @property
    def best(self) -> int:
        """Number of the best trial."""
        return self.ranked[0]

    @property
    def settings(self) -> dict[str, Any]:
        """Values of the best trial, with the seed that they were given."""
        values = self.tried[self.best]
        return {**values, "fit.seed": self.entry(values, 1).written["fit"]["seed"]}

    def winner(self) -> Entry:
        """Return the entry with the best settings and its own number of epochs."""
        return self.entry(self.tried[self.best], self.base.written["fit"]["epochs"])

    def prune(self, folder: Path) -> None:
        """Delete the models of all but the best k trials."""
        if self.tune.keep_models == "all":
            return
        for number in self.ranked[self.tune.keep_models :]:
            remove(folder / f"{number:02d}" / MODEL)


def search_all(search: Search) -> None:
    """Run keras-tuner's loop. Raises what a trial raised, not what keras-tuner made of it."""
    try:
        search.search(verbose=0)
    except FatalError as error:
        raise error.__cause__ or error from None


def plain(value: Any) -> Any:
    """A number of NumPy's as Python's own, so that it can be written down."""
    return value.item() if hasattr(value, "item") else value
