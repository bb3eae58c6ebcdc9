"""When a run began and ended, and its epochs did, from what was noted where it ran."""

from datetime import datetime

from stages.core.layout import Layout
from stages.core.tracking.trails import Trail, run_record


def span_ms(layout: Layout, found: Trail) -> tuple[int | None, int | None]:
    """When a candidate's training began and its run ended, in ms since 1970; None where it was not noted."""
    about = {} if found.parent else run_record(layout, found)
    if "finished" not in about:
        return None, None
    ended = datetime.fromisoformat(about["finished"]).timestamp()
    began = ended - float(about.get("timing", {}).get("train_wall_s", 0))
    return int(began * 1000), int(ended * 1000)


def epoch_times_ms(layout: Layout, found: Trail) -> dict[int, int]:
    """When each epoch ended, in ms since 1970, by the CPU seconds that were noted; empty where none were."""
    began, ended = span_ms(layout, found)
    timing = {} if found.parent else run_record(layout, found).get("timing", {})
    seconds, whole = timing.get("epoch_cpu_s", []), timing.get("train_cpu_s", 0)
    if began is None or ended is None or not whole:
        return {}
    return {n: int(began + min(s / whole, 1) * (ended - began)) for n, s in enumerate(seconds, start=1)}
