"""better: on the test images the candidate beats the champion, or a constant answer, by more than the noise."""

from stages.core.evaluating.significance import compare, discordant
from stages.core.promoting.constant import constant_answers
from stages.core.promoting.contest import Contest
from stages.core.promoting.outcome import Outcome, at_most, judged, not_asked

PLACE = 30


def check(contest: Contest) -> Outcome:
    """Test the model that is served against the one it would replace, image by image. Raises Unknown.

    The more candidates have been tried against one champion, the more easily one of them wins by luck: the p-value is
    multiplied by their number (Bonferroni; Dunn 1961).
    """
    if contest.anew:
        return not_asked("it is the champion itself, packaged anew")
    limits, own, rival = contest.limits.better, contest.answers, contest.rival()
    other = contest.champion.name if contest.champion else "always naming the most frequent class"
    against = rival or constant_answers(own)
    found = compare(own, against, limits.measure, contest.params.tree.evaluate.seed)
    p = min(1.0, found.p * contest.n_tried)
    alone = discordant(own, against)
    enough = found.gain > 0 and at_most(limits.min_gain, found.gain) and p <= 1 - limits.confidence
    measure = limits.measure.replace("_", " ")
    reason = (
        f"{measure} {found.gain:+.4f} against {other} on {len(own.truth):,} images ({alone[0]} and {alone[1]} right "
        f"alone), p = {p:.2g}"
    )
    reason += f" corrected for {contest.n_tried} tried" if contest.n_tried > 1 else ""
    reason += (
        "" if enough else f"; needed: above 0, at least {limits.min_gain:g}, p at most {1 - limits.confidence:.2g}"
    )
    numbers = {"gain": found.gain, "p": found.p, "p_corrected": p, "n_tried": contest.n_tried}
    return judged(enough, reason, **numbers, right_alone=list(alone), n_images=len(own.truth))
