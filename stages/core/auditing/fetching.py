"""Bring what dvc.lock names and is not on disk from DVC's cache or remote: an audit works on a bare clone, too."""

import subprocess
import sys

from stages.core.auditing.dvc_lock import read_lock
from stages.core.auditing.finding import Unknown
from stages.core.console import say
from stages.core.layout import Layout


def fetch_missing(layout: Layout) -> None:
    """Run `dvc pull` for the outs that are not here; what can't be had is said, and left to the links."""
    try:
        lock = read_lock(layout.root / "dvc.lock")
    except (Unknown, ValueError):
        return
    outs = [path for stage in lock.stages for path in lock.md5s(stage, "outs")]
    missing = [path for path in outs if not (layout.root / path).exists()]
    if not missing:
        return
    say(f"audit: fetching {len(missing)} outs that are not here from DVC's cache or remote")
    command = [sys.executable, "-m", "dvc", "pull", "--quiet", "--allow-missing", *missing]
    done = subprocess.run(command, cwd=layout.root, capture_output=True, text=True, check=False)
    left = [path for path in missing if not (layout.root / path).exists()]
    if left:
        said = done.stderr.strip().splitlines()
        say(f"audit: {', '.join(left)} could not be had: {said[-1] if said else 'no remote has them'}")
