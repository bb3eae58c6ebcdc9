"""MLflow's own pages over the store of a finished project, as `imagetrail ui` serves them, in a real browser."""

import os
import signal
import subprocess
import sys

import pytest

from tests.browser import opened
from tests.stores import await_health, free_port

SLOW = 120_000  # ms; on a busy machine MLflow's page takes half a minute to draw its first table
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(finished, browser):
    """Address of the pages."""
    port = free_port()
    command = [sys.executable, "-m", "stages.commands", "ui", "--port", str(port)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
    with subprocess.Popen(
        command,
        cwd=finished.root,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            await_health(f"http://127.0.0.1:{port}", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(process.pid, signal.SIGTERM)


def test_the_runs_are_there_and_their_curves_are_drawn(served, browser):
    """From the table of runs to the page of one, and there to its curves; nothing is asked of another machine."""
    with opened(browser, f"{served}/#/experiments/1/runs") as page:
        page.set_default_timeout(SLOW)
        for name in ("plain", "residual", "plain-tuned"):
            page.get_by_role("link", name=name, exact=True).first.wait_for()
        page.locator(".ag-row a", has_text="residual").first.click()  # the champion above opens a tab of its own
        page.get_by_role("tab", name="Model metrics").click()
        chart = page.locator(".js-plotly-plot .scatterlayer .trace path").first
        chart.wait_for(state="attached")

        assert page.get_by_text("val_accuracy", exact=True).count() and chart.get_attribute("d")
