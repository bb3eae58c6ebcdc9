"""What does not repeat about a report: when it was made, from which commit, how long trainings took.

The page is an out of DVC, so it holds none of this. It loads this file beside it, and shows nothing without it.
"""

import json
from datetime import UTC, datetime
from typing import Any

from stages.core.candidates.git_state import git, git_state
from stages.core.files import write_text
from stages.core.layout import Layout
from stages.core.reporting.closing import stage_names, stage_times
from stages.core.reporting.leaderboard import timings
from stages.core.settings.params import Params

FILE = "reports/timings/report.js"
WALL = "train_wall_s"
SHORT = 10  # characters of a commit


def write_run_context(layout: Layout, params: Params) -> None:
    """Write the script that the page loads: one assignment of plain JSON."""
    text = json.dumps(run_context(layout, params), sort_keys=True).replace("<", "\\u003c")
    write_text(layout.root / FILE, f"window.imagetrailRun = {text};\n")


def run_context(layout: Layout, params: Params) -> dict[str, Any]:
    """Time in UTC, commit with a mark where files differ from it, seconds of all stages and of each training."""
    noted = timings(layout, params.candidates)
    trained = {name: noted[name][WALL] for name in noted if WALL in noted[name]}
    state = git_state(layout.root) if git(layout.root, "rev-parse", "HEAD") else {"commit": "", "dirty_files": []}
    changed = f" and {len(state['dirty_files'])} changed files" if state["dirty_files"] else ""
    return {
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": f"{state['commit'][:SHORT]}{changed}" if state["commit"] else "",
        "seconds": round(sum(time.wall_s for time in stage_times(layout, stage_names(params)).values()), 1),
        "candidates": trained,
    }
