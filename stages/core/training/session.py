"""One training while it runs: who hears of it, what its phase is called, where it is kept, its epochs so far."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from stages.core.candidates.run_record import Clock
from stages.core.console import say
from stages.core.training.checkpoints import Checkpoint, State

OnStep = Callable[[int, int], None]  # the steps of an epoch that are done, and all
OnEpoch = Callable[[int, dict[str, float]], bool | None]  # true ends the training


@dataclass
class Session:
    """What a training needs besides a network, its settings and data.

    on_epoch gets the epoch (from 1) and its metrics; on_step, for people alone, the steps of it that are done, and all;
    where is the phase's place in params.yaml; callbacks are further ones of Keras. rows hold the epochs so far, of all
    phases.
    """

    on_epoch: OnEpoch
    where: str
    checkpoint: Checkpoint = field(default_factory=lambda: Checkpoint(None, 0))
    clock: Clock = field(default_factory=Clock)
    rows: list[dict[str, Any]] = field(default_factory=list)
    callbacks: list[Any] = field(default_factory=list)
    on_step: OnStep | None = None

    def left_in(self, where: str) -> State | None:
        """What was kept of a phase; None where the training was broken off in another, or never."""
        state = self.checkpoint.read()
        return state if state and state.about["where"] == where else None

    def taken_up(self) -> State | None:
        """What was kept of this phase: says so, and tells its epochs again to all who heard of them."""
        state = self.left_in(self.where)
        if state is None:
            return None
        epoch, step = state.about["n_before"] + state.about["epoch"] + 1, state.about["step"]
        within = f", step {step + 1}" if step else ""
        say(f"going on {'after the last epoch' if state.about['ended'] else f'with epoch {epoch}{within}'}")
        self.tell(state.about["rows"][len(self.rows) :])
        return state

    def tell(self, rows: list[dict[str, Any]]) -> None:
        """Take over epochs of an earlier life."""
        for row in rows:
            self.rows.append(row)
            self.on_epoch(int(row["epoch"]), {key: value for key, value in row.items() if key != "epoch"})
