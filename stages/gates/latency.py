"""latency: the candidate answers one image in time, on this machine and now."""

import numpy as np

from stages.core.auditing.finding import Unknown
from stages.core.candidates.machine import in_words
from stages.core.candidates.model_files import needs_tensorflow
from stages.core.candidates.predictor import Network, load_predictor
from stages.core.console import held_back
from stages.core.files import read_array, read_json
from stages.core.promoting.contest import Contest
from stages.core.promoting.outcome import Outcome, judged, not_asked
from stages.core.training.cost import latency, latency_of
from stages.core.training.runtime import ready_to_ask

PLACE = 70
SERIES, IMAGES, ONE = 3, 64, "latency_one_image_ms"


def check(contest: Contest) -> Outcome:
    """Measure as the run's record does, three times, and take the best: what else runs here only adds.

    Not repeatable: so the machine, and what was noted when the model was made, stand in the decision. Raises Unknown.
    """
    limit, noted = contest.limits.latency.max_one_image_ms, recorded(contest)
    if limit is None:
        return not_asked("no limit is set", recorded_ms=noted)
    place = contest.layout.images / "val.npy"
    if not place.exists():
        raise Unknown(f"{place.name} is not here to measure with; `dvc checkout` or `dvc repro` brings it")
    found = measured(contest, read_array(place)[:IMAGES])
    reason = f"{found:.2f} ms for one image, at most {limit:g}, on {in_words()}"
    reason += f"; {noted:.2f} ms when it was made" if noted is not None else ""
    return judged(found <= limit, reason, one_image_ms=found, recorded_ms=noted, machine=in_words())


def measured(contest: Contest, images: np.ndarray) -> float:
    """Median milliseconds for one image, of the best series."""
    folder = contest.candidate.folder
    if needs_tensorflow(folder):
        ready_to_ask(contest.params.tree.runtime)
    with held_back():
        predictor = load_predictor(folder)
    if isinstance(predictor, Network):
        return min(latency(predictor.model, images)[ONE] for _ in range(SERIES))
    return min(latency_of(predictor.predict, images)[ONE] for _ in range(SERIES))


def recorded(contest: Contest) -> float | None:
    """Milliseconds that were noted when this candidate was made; None elsewhere."""
    path = contest.layout.run_record(str(contest.candidate.record["key"]))
    noted = read_json(path).get("timing", {}).get(ONE) if path.exists() else None
    return None if noted is None else float(noted)
