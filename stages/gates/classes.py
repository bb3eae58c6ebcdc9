"""classes: no class is recognised much worse than by the champion, and none falls below the least that is asked."""

import numpy as np

from stages.core.evaluating.significance import Answers
from stages.core.promoting.contest import Contest
from stages.core.promoting.outcome import Outcome, at_most, judged

PLACE = 40


def check(contest: Contest) -> Outcome:
    """Compare the recall of every class that has test images. Raises Unknown."""
    limits, rival = contest.limits.classes, contest.rival()
    own = recalls(contest.answers)
    drops = recalls(rival) - own if rival else np.zeros_like(own)
    names = contest.candidate.record["classes"]
    tested = np.flatnonzero(~np.isnan(own)).tolist()
    bad = [k for k in tested if not (at_most(drops[k], limits.max_drop) and at_most(limits.min_recall, own[k]))]
    lost = [f"{0 - drops[k]:+.3f}, " if rival else "" for k in bad]
    told = [
        f"{names[k]} {own[k]:.3f} ({less}{support(contest.answers, k)} images)"
        for k, less in zip(bad, lost, strict=True)
    ]
    worst, lowest = int(np.nanargmax(drops)), int(np.nanargmin(own))
    reason = f"lowest recall {own[lowest]:.3f} ({names[lowest]})"
    reason += f", largest drop {max(drops[worst], 0):.3f} ({names[worst]})" if rival and drops[worst] > 0 else ""
    if bad:
        reason = (
            f"recall of {'; '.join(told)}; at most {limits.max_drop:g} may be lost, {limits.min_recall:g} must be left"
        )
    values = {name: None if np.isnan(own[k]) else float(own[k]) for k, name in enumerate(names)}
    return judged(not bad, reason, recall=values, largest_drop=float(drops[worst]), class_of_drop=names[worst])


def recalls(answers: Answers) -> np.ndarray:
    """Recall of each class, float64 [K]; NaN where it has no image."""
    n_images = np.bincount(answers.truth, minlength=answers.n_classes)
    hits = np.bincount(answers.truth[answers.predicted[0] == answers.truth], minlength=answers.n_classes)
    return np.divide(hits, n_images, out=np.full(answers.n_classes, np.nan), where=n_images > 0)


def support(answers: Answers, k: int) -> int:
    """Images of a class."""
    return int((answers.truth == k).sum())
