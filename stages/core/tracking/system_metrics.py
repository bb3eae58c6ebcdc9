"""System metrics of a run while it trains: CPU, memory, disk, network and GPU, sampled by MLflow's own monitor."""

import contextlib
from typing import Any

from stages.core.tracking.store import Store
from stages.core.tracking.waiting import within


def start_monitor(store: Store, run_id: str, every_s: int | None) -> Any:
    """Sample into `system/...` of a run every so many seconds, after what it has already; None where that is off."""
    if every_s is None:
        return None
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    monitor = SystemMetricsMonitor(run_id, every_s, resume_logging=True, tracking_uri=store.uri)
    monitor.start()
    return monitor


def stop_monitor(monitor: Any, limit_s: float) -> None:
    """Write what was sampled and stop, within the limit: a store that is silent keeps no training from its end."""
    if monitor is not None:
        with contextlib.suppress(Exception):  # what is lost is a sample; the run itself says that the store is away
            within(limit_s, monitor.finish)
