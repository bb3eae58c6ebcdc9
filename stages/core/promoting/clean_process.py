"""A packaged model served as others would: by `mlflow models serve`, in a process that knows nothing of us."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

KEPT = ("HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "TF_CPP_MIN_LOG_LEVEL": "3"}
LOOPBACK = "127.0.0.1"
POLL_S, GRACE_S, ANSWER_S, BATCH = 0.25, 5, 120, 20
# `python -m mlflow`, after asking Linux (PR_SET_PDEATHSIG) to end it when its parent dies, as MLflow asks for its child
MLFLOW = """
import contextlib, ctypes, runpy, sys
with contextlib.suppress(OSError, AttributeError):
    ctypes.CDLL(None).prctl(1, 15)
sys.argv[0] = "mlflow"
runpy.run_module("mlflow", run_name="__main__")
"""


class ServingFailed(Exception):
    """The packaged model did not start, or did not answer; the message says how."""


@contextmanager
def serving(package: Path, start_s: float) -> Iterator[str]:
    """Yield the address of a server of the model in a folder. Raises ServingFailed.

    It runs in an empty folder, without our variables, so it finds the code that was packaged and no other; it needs no
    network, and is ended with all it has started, also when this process is killed.
    """
    with tempfile.TemporaryDirectory() as place:
        port, log = free_port(), Path(place) / "log"
        with log.open("wb") as stream:
            server = subprocess.Popen(
                command(package, port),
                cwd=place,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
        try:
            address = f"http://{LOOPBACK}:{port}"
            await_answer(server, address, start_s, log)
            yield address
        finally:
            end(server)


def command(package: Path, port: int) -> list[str]:
    """What a person would type."""
    mlflow = [sys.executable, "-c", MLFLOW, "models", "serve", "--model-uri", str(package)]
    return [*mlflow, "--env-manager", "local", "--host", LOOPBACK, "--port", str(port), "--timeout", str(ANSWER_S)]


def environment() -> dict[str, str]:
    """A few variables of ours, none of them of Python, MLflow or DVC; our own interpreter's folder first on PATH."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    return {**kept, **QUIET, "PATH": path}


def free_port() -> int:
    """A port of this machine that nobody uses now."""
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        return int(found.getsockname()[1])


def await_answer(server: "subprocess.Popen[bytes]", address: str, start_s: float, log: Path) -> None:
    """Return once the server answers. Raises ServingFailed when it ends, or takes too long."""
    until = time.monotonic() + start_s
    while time.monotonic() < until:
        if server.poll() is not None:
            raise ServingFailed(f"the server ended with {server.returncode}: {last_error(log)}")
        with suppress(OSError), opener().open(f"{address}/ping", timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(POLL_S)
    raise ServingFailed(f"no answer within {start_s:g} s: {last_error(log)}")


def last_error(log: Path) -> str:
    """The last line of a log that says what went wrong, else its last one."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    wrong = [line for line in lines if "Error" in line and not line.startswith(("File", "Traceback"))]
    return (wrong or lines or ["it said nothing"])[-1][:300]


def end(server: "subprocess.Popen[bytes]") -> None:
    """End a server and what it has started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(server.pid, number)
        with suppress(subprocess.TimeoutExpired):
            server.wait(GRACE_S)


def answers(address: str, files: list[bytes]) -> list[dict[str, Any]]:
    """Ask for image files, some at a time; a mapping an image. Raises ServingFailed."""
    found: list[dict[str, Any]] = []
    for at in range(0, len(files), BATCH):
        batch = files[at : at + BATCH]
        said = asked(address, [[base64.b64encode(data).decode()] for data in batch])
        if not isinstance(said, list) or len(said) != len(batch):
            raise ServingFailed(f"{len(batch)} images were asked, and the answer is {str(said)[:200]}")
        found += said
    return found


def asked(address: str, rows: list[list[str]]) -> Any:
    """Send rows of a table as JSON; returns `predictions`. Raises ServingFailed."""
    body = json.dumps({"dataframe_split": {"columns": ["image"], "data": rows}}).encode()
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{address}/invocations", body, {"Content-Type": "application/json"}
    )
    try:
        with opener().open(request, timeout=ANSWER_S) as answer:
            return json.loads(answer.read()).get("predictions")
    except urllib.error.HTTPError as error:
        raise ServingFailed(f"it answers {error.code}: {error.read()[:200].decode(errors='replace')}") from error
    except (OSError, ValueError) as error:
        raise ServingFailed(f"it does not answer: {error}") from error


def opener() -> urllib.request.OpenerDirector:
    """Requests that no proxy sees: the server is on this machine."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))
