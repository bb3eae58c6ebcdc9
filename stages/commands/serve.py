"""serve: answer images over HTTP, with MLflow's own server behind limits, and a page to upload them.

MODEL is a candidate's name, a file or folder of one, an MLflow run id or models:/NAME@ALIAS; left out: the one that was
promoted last, else the champion of the report.
POST an image as it is, or JSON with base64, to /invocations; /health says that it lives, / is the page. Limits stand in
params.yaml under `serve`. There is no password: it listens on this machine only, unless --host says otherwise.
"""

import argparse
import errno
import socket
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from stages.core.console import say, silence_telemetry
from stages.core.errors import UserError
from stages.core.reporting.pages import render
from stages.core.serving.chosen import Chosen, choose, opened
from stages.core.serving.front import Front
from stages.core.serving.refusing import check_images
from stages.core.settings.params import Params, open_project
from stages.core.settings.serve_options import Serve
from stages.core.stopping import Stopped
from stages.core.tracking.served_model import ServedModel

HERE = "127.0.0.1"
SECONDS_TO_END = 2  # what requests under way get when the server is stopped


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the model and the address."""
    parser.add_argument(
        "model",
        nargs="?",
        metavar="MODEL",
        help="left out: the one that was promoted last, else the champion of the report",
    )
    parser.add_argument("--host", default=HERE, help=f"default: {HERE}, which only this machine reaches")
    parser.add_argument("--port", type=int, default=5001, help="default: 5001; 0 takes a free one")


def main(parsed: argparse.Namespace) -> None:
    """Serve until Ctrl-C. Raises UserError for what names no model, or an address that is taken."""
    params, layout = open_project()
    with bound(parsed.host, parsed.port) as door:
        with tempfile.TemporaryDirectory(prefix="imagetrail-") as scratch:
            chosen = choose(layout, params, parsed.model, Path(scratch))
            model = opened(chosen, params.tree.runtime)
        if parsed.host not in (HERE, "localhost", "::1"):
            say(f"warning: whoever reaches {parsed.host} can ask, without a password")
        application = app(chosen, model, params)
        say(f"serve: {chosen.name} at http://{parsed.host}:{door.getsockname()[1]} (stop with Ctrl-C)")
        try:
            serving(application).run(sockets=[door])
        except Stopped:
            say("serve: stopped")


def bound(host: str, port: int) -> socket.socket:
    """A socket at an address. Raises UserError when it can't be had."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        reason = "is taken; name another --port" if taken else f"can't be listened on ({error})"
        raise UserError(f"{host}:{port} {reason}") from error


def app(chosen: Chosen, model: ServedModel, params: Params) -> Front:
    """MLflow's server behind our door."""
    silence_telemetry()
    from stages.core.tracking.scoring import scoring_app

    limits = params.tree.serve
    behind = scoring_app(model, partial(check_images, limits=limits), limits.timeout_s)
    return Front(behind, page(chosen, limits), limits)


def page(chosen: Chosen, limits: Serve) -> str:
    """The page to upload pictures."""
    n_classes = len(chosen.told["classes"])
    return render("upload.html", name=chosen.name, n_classes=n_classes, threshold=chosen.threshold, limits=limits)


def serving(application: Any) -> Any:
    """Uvicorn's server around an application."""
    import uvicorn

    config = uvicorn.Config(
        application,
        timeout_graceful_shutdown=SECONDS_TO_END,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="none",
    )
    return uvicorn.Server(config)
