"""How much worse a candidate is on images it has not seen: train against validation, validation against test."""

from stages.core.candidates.candidate import Candidate
from stages.core.evaluating.intervals import difference


def train_accuracy(candidate: Candidate) -> float | None:
    """Accuracy on the train images in the epoch whose weights were kept; None where the history has none.

    A classical head is measured when it is finished. A network is measured while that epoch trains it, with dropout
    and augmented images, so that this number is often lower than what the finished network would reach.
    """
    history, fit = candidate.history, candidate.record["params"].get("fit") or {}
    if "accuracy" not in history or not len(history):
        return None
    stopping = fit.get("early_stopping")
    monitor = stopping["monitor"] if stopping else "val_accuracy"
    if fit.get("keep") != "best" or monitor not in history:
        return float(history["accuracy"].iloc[-1])
    values = history[monitor].to_numpy()
    best = values.argmin() if monitor == "val_loss" else values.argmax()
    return float(history["accuracy"].iloc[int(best)])


def gaps(candidate: Candidate, metrics: dict[str, float], confidence: float) -> dict[str, float]:
    """`train_accuracy`, `gap_train_val` and `gap_val_test`, as far as there are such images, with `_low` and `_high`.

    The first gap's interval is that of the validation accuracy alone: what was fitted is no sample. The second's is
    Newcombe's; it includes 0 where the test images say no other than those of validation.
    """
    found, train = {}, train_accuracy(candidate)
    if train is not None:
        found["train_accuracy"] = train
    if train is not None and "val_accuracy" in metrics:
        low, high = metrics["val_accuracy_low"], metrics["val_accuracy_high"]
        found |= {"gap_train_val": train - metrics["val_accuracy"]}
        found |= {"gap_train_val_low": train - high, "gap_train_val_high": train - low}
    if "val_accuracy" in metrics and "test_accuracy" in metrics:
        both = [(metrics[f"{split}_accuracy"], int(metrics[f"{split}_n_images"])) for split in ("val", "test")]
        low, high = difference(both[0], both[1], confidence)
        found |= {"gap_val_test": both[0][0] - both[1][0], "gap_val_test_low": low, "gap_val_test_high": high}
    return found
