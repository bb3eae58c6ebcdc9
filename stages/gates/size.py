"""size: the candidate's files, and its parameters, are within their limits."""

from stages.core.files import human_bytes
from stages.core.promoting.contest import Contest
from stages.core.promoting.outcome import Outcome, judged, not_asked

PLACE = 60


def check(contest: Contest) -> Outcome:
    """Compare two numbers that repeat."""
    limits, record = contest.limits.size, contest.candidate.record
    n_bytes, n_parameters = int(record["model_bytes"]), int(record["n_parameters"])
    pairs = ((n_bytes, limits.max_bytes), (n_parameters, limits.max_parameters))
    limited = [(found, limit) for found, limit in pairs if limit is not None]
    most = [human_bytes(limits.max_bytes)] if limits.max_bytes is not None else []
    most += [f"{limits.max_parameters:,.0f} parameters"] if limits.max_parameters is not None else []
    reason = f"{human_bytes(n_bytes)}, {n_parameters:,} parameters"
    if not limited:
        return not_asked(f"{reason}; no limit is set", bytes=n_bytes, parameters=n_parameters)
    good = all(found <= limit for found, limit in limited)
    return judged(good, f"{reason}; at most {' and '.join(most)}", bytes=n_bytes, parameters=n_parameters)
