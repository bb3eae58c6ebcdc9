"""What acts on a fit at the end of a step or an epoch: what its section asks for, and who watches over it."""

from typing import Any

import numpy as np

from stages.core.settings.fit_options import Fit
from stages.core.training.data import TrainingFailed
from stages.core.training.session import Session


def callbacks(fit: Fit, batches: Any) -> list[Any]:
    """Callbacks that a `fit` section asks for, in the order in which they must act."""
    import keras

    from stages.core.training.averaging import AveragedWeights

    kinds, stop = keras.callbacks, fit.early_stopping
    chosen = []
    if fit.ema is not None:
        chosen.append(AveragedWeights(batches.sample))
    if stop or fit.keep == "best":
        monitor, patience = (stop.monitor, stop.patience) if stop else ("val_accuracy", fit.epochs)
        best = fit.keep == "best"
        mode = "min" if monitor == "val_loss" else "max"
        chosen.append(kinds.EarlyStopping(monitor, patience=patience, mode=mode, restore_best_weights=best))
    if fit.reduce_on_plateau:
        plateau = fit.reduce_on_plateau
        chosen.append(kinds.ReduceLROnPlateau("val_loss", factor=plateau.factor, patience=plateau.patience))
    return chosen


class Watcher:
    """Adds a row an epoch to the session and stops on NaN, saying where."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def callback(self) -> Any:
        """Return the Keras callback that calls this object."""
        import keras

        watcher = self

        class Watch(keras.callbacks.Callback):  # type: ignore[misc]
            def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
                if not np.isfinite((logs or {}).get("loss", 0.0)):
                    watcher.fail(f"epoch {len(watcher.session.rows) + 1}, step {batch + 1}")
                if watcher.session.on_step and self.params.get("steps"):
                    watcher.session.on_step(batch + 1, self.params["steps"])

            def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
                rate = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
                if watcher.add({key: float(value) for key, value in (logs or {}).items()} | {"learning_rate": rate}):
                    self.model.stop_training = True

        return Watch()

    def fail(self, when: str) -> None:
        """Raise TrainingFailed: the loss left the finite numbers."""
        where = self.session.where
        raise TrainingFailed(
            f"the loss became NaN or infinite at {when}; lower {where}.optimizer.rate "
            f"or set {where}.optimizer.clip_norm",
            self.session.rows,
        )

    def add(self, row: dict[str, float]) -> bool:
        """Keep the metrics of an epoch, and hand them on; whether the training is to end."""
        epoch = len(self.session.rows) + 1
        if not all(np.isfinite(value) for value in row.values()):
            self.fail(f"the validation after epoch {epoch}")
        self.session.rows.append({"epoch": epoch, **row})
        return bool(self.session.on_epoch(epoch, row))
