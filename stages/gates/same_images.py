"""same_images: the candidate and the champion were measured on the same test images."""

from stages.core.auditing.finding import Unknown
from stages.core.files import listed
from stages.core.promoting.contest import Champion, Contest
from stages.core.promoting.outcome import Outcome, judged

PLACE = 10


def check(contest: Contest) -> Outcome:
    """Hold the two exams against each other, by the hash of names, bytes and labels. Raises Unknown."""
    exam, champion = contest.exam, contest.champion
    n_images = f"{len(exam.paths):,} test images"
    if champion is None:
        return judged(True, f"{n_images}; there is no champion yet", exam=exam.digest)
    if champion.answers is None:
        raise Unknown(champion.why_not)
    same = champion.exam == exam.digest
    reason = f"the same {n_images}" if same else explained(exam.paths, champion)
    return judged(same, reason, exam=exam.digest, exam_of_champion=champion.exam)


def explained(paths: list[str], champion: Champion) -> str:
    """Say what differs, and what can be done."""
    new, gone = set(paths) - set(champion.paths), set(champion.paths) - set(paths)
    parts = [f"{len(new)} are new, e.g. {listed(sorted(new), 1)}"] if new else []
    parts += [f"{len(gone)} are gone, e.g. {listed(sorted(gone), 1)}"] if gone else []
    what = " and ".join(parts) or "the same names, with other bytes, labels or classes"
    return (
        f"other test images than the champion's ({champion.name}): {what}. Which model is better can't be told from "
        "two different exams: train the champion's recipe on this data as well and compare, give promote.name another "
        "name to begin anew, or decide by hand with --force"
    )
