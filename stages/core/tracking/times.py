"""When a run began and ended, and its epochs did, from what was noted where it ran."""

from datetime import datetime

from stages.core.layout import Layout
from stages.core.tracking.trails import Trail, run_record


def span_ms(layout: Layout, found: Trail) -> tuple[int | None, int | None]:
    """When a candidate's or trial's training began and its run ended, in ms since 1970; None where it was not noted."""
    about = run_record(layout, found)
    if found.parent:
        times = about.get("timing", {}).get("trials", {}).get(found.key.rpartition("-")[2], {})
        return (int(times["began"] * 1000), int(times["ended"] * 1000)) if times else (None, None)
    if "finished" not in about:
        return None, None
    ended = datetime.fromisoformat(about["finished"]).timestamp()
    timing = about.get("timing", {})
    began = ended - sum(float(timing.get(name, 0)) for name in ("search_wall_s", "train_wall_s"))
    return int(began * 1000), int(ended * 1000)


def epoch_times_ms(layout: Layout, found: Trail) -> dict[int, int]:
    """When each epoch ended, in ms since 1970, by the CPU seconds that were noted; empty where none were."""
    began, ended = span_ms(layout, found)
    timing = {} if found.parent else run_record(layout, found).get("timing", {})
    seconds, whole = timing.get("epoch_cpu_s", []), timing.get("train_cpu_s", 0)
    if began is None or ended is None or not whole:
        return {}
    return {n: int(began + min(s / whole, 1) * (ended - began)) for n, s in enumerate(seconds, start=1)}
