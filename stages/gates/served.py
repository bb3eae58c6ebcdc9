"""served: the packaged model, started in a process of its own, answers the golden images as evaluate recorded."""

import math

from stages.core.console import say
from stages.core.files import listed
from stages.core.promoting.clean_process import ServingFailed, answers, serving
from stages.core.promoting.contest import Contest
from stages.core.promoting.golden import golden_files, parity, read_golden
from stages.core.promoting.outcome import Outcome, judged

PLACE = 80


def check(contest: Contest) -> Outcome:
    """Fetch the package from MLflow, serve it, ask for every golden image, and compare. Raises Unknown."""
    limits, classes = contest.limits.served, contest.candidate.record["classes"]
    golden = read_golden(contest.evaluation)
    files = golden_files(contest.layout.archive, golden)
    package = contest.package()
    say("promote: served: starting `mlflow models serve` …")
    try:
        with serving(package, limits.start_s) as address:
            found = parity(golden, answers(address, files), classes)
    except ServingFailed as error:
        return judged(False, f"the packaged model: {error}", n_images=len(golden))
    good = not found.other_labels and found.largest <= limits.tolerance
    reason = f"{found.n_images - len(found.other_labels)} of {found.n_images} golden images have their label"
    reason += f" (not {listed(found.other_labels)})" if found.other_labels else ""
    reason += f", probabilities within {found.largest:.2g}; at most {limits.tolerance:g}"
    reason += "" if good else f", the farthest is {found.worst}"
    largest = found.largest if math.isfinite(found.largest) else None
    return judged(good, reason, n_images=found.n_images, n_other=len(found.other_labels), largest=largest)
