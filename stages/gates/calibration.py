"""calibration: on the test images, the candidate is about as often right as it says."""

from stages.core.auditing.finding import Unknown
from stages.core.promoting.contest import Contest
from stages.core.promoting.outcome import Outcome, at_most, judged

PLACE = 50


def check(contest: Contest) -> Outcome:
    """Compare the expected calibration error with its limit. Raises Unknown where it was not measured."""
    limit, metrics = contest.limits.calibration.max_ece, contest.metrics
    if "test_ece" not in metrics:
        raise Unknown("its metrics.json has no test_ece; `dvc repro` measures it")
    found = float(metrics["test_ece"])
    return judged(at_most(found, limit), f"expected calibration error {found:.4f}, at most {limit:g}", ece=found)
