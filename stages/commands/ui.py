"""ui: open MLflow's pages over the project's runs, on this machine only."""

import argparse
import os
import sys

from stages.core.console import say
from stages.core.errors import UserError
from stages.core.settings.params import open_project
from stages.core.tracking.condition import experiment_id
from stages.core.tracking.creation import make_sqlite, sqlite_path
from stages.core.tracking.saved_view import address
from stages.core.tracking.store import experiment_name, quieted, shown_uri, tracking_uri


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the port."""
    parser.add_argument("--port", type=int, default=5000, help="default: 5000")


def main(parsed: argparse.Namespace) -> None:
    """Become MLflow's server. Raises UserError when the store lies elsewhere."""
    params, layout = open_project()
    uri = tracking_uri(layout)
    if uri.startswith("http"):
        raise UserError(f"the runs are at {shown_uri(layout)}: open that address in a browser")
    place = f"http://127.0.0.1:{parsed.port}"
    if path := sqlite_path(uri):  # MLflow would make a missing one in place, and a half of it if it were killed
        quieted(params.tree.tracking.timeout_s)
        make_sqlite(path, layout.main_checkout / "mlruns", params.tree.tracking.timeout_s)
        if found := experiment_id(path, experiment_name(params)):
            say(f"leaderboard: {place}/{address(found)}")
    say(f"MLflow: {place} (stop with Ctrl-C)")
    os.environ["MLFLOW_BACKEND_STORE_URI"] = uri  # an argument, and with it a password, would stand in `ps`
    os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"  # ten more processes, which judge language models
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
    os.execv(sys.executable, [*command, "--port", str(parsed.port), "--workers", "1"])  # noqa: S606 - our own Python
