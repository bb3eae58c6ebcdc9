"""MLflow stores that fail on request: a real server behind a faulty proxy, and what a store holds, for comparing two."""

import hashlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests import forking

TELLS_TIME = ("mlflow.user", "imagetrail.process", "imagetrail.ledger_line")  # tags that name who ran it and when
RUN_ID = re.compile(r"[0-9a-f]{32}(?=[/)])|experiments/\d+")  # in links
ENDINGS = ("_s", "_ms", "_per_image")  # measures of time
HOP = {"connection", "transfer-encoding", "keep-alive", "content-length", "date", "server"}


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def mlflow_server(folder: Path, port: int | None = None) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Run a real MLflow server over SQLite in a folder; yields its address and process."""
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    command = [forking.client_of(sys.executable), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/server.db", "--artifacts-destination", f"{folder}/files"]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
    address = f"http://127.0.0.1:{port}"
    try:
        await_health(address, process)
        yield address, process
    finally:
        stop(process)


def await_health(address: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server answers."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2):
                return
        except OSError:
            if process.poll() is not None:
                raise RuntimeError("the MLflow server ended; see server.log") from None
            time.sleep(0.2)
    raise RuntimeError("the MLflow server does not answer")


def stop(process: subprocess.Popen[bytes]) -> None:
    """Kill a server and the workers that it started."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


class Proxy:
    """Passes requests on to a server, until `mode` says otherwise.

    error: answers 500. hang: never answers. drop: lets the server act, then cuts the line. drip: answers a byte every
    half second, without end. slow: answers right, but late. hang_put: hangs on uploads only. refuse: nobody listens.
    """

    def __init__(self, target: str | None, mode: str = "pass", delay_s: float = 1.0) -> None:
        self.target, self.mode, self.delay_s = target, mode, delay_s
        self.seen: list[str] = []
        self.stopped = threading.Event()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                proxy.answer(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_any

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        self.seen.append(f"{request.command} {request.path} {request.headers.get('Authorization', '')}")
        mode = self.mode
        if mode == "hang" or (mode == "hang_put" and request.command == "PUT"):
            self.stopped.wait()
            return
        if mode == "refuse":  # a line that was open before
            request.close_connection = True
        elif mode == "drip":
            self.drip(request)
        elif mode == "error":
            healthy = request.path.startswith("/health")
            self.reply(request, 200 if healthy else 500, {"Content-Type": "text/plain"}, b"planted")
        else:
            time.sleep(self.delay_s if mode == "slow" else 0)
            status, headers, content = self.forward(request, body)
            if mode == "drop":
                request.close_connection = True
                request.connection.shutdown(socket.SHUT_RDWR)
            else:
                self.reply(request, status, headers, content)

    def forward(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Ask the server behind."""
        line = http.client.HTTPConnection(str(self.target).removeprefix("http://"), timeout=60)
        headers = {key: value for key, value in request.headers.items() if key.lower() not in ("host", "connection")}
        line.request(request.command, request.path, body, headers)
        found = line.getresponse()
        content = found.read()
        line.close()
        return found.status, {k: v for k, v in found.getheaders() if k.lower() not in HOP}, content

    def reply(self, request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], content: bytes) -> None:
        request.send_response(status)
        for key, value in headers.items():
            request.send_header(key, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(content)

    def drip(self, request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Length", "1000000")
        request.end_headers()
        while not self.stopped.wait(0.5):
            request.wfile.write(b" ")
            request.wfile.flush()

    def close(self) -> None:
        """Stop listening, and let go of whoever hangs."""
        self.stopped.set()
        self.server.shutdown()
        self.server.server_close()


def contents(uri: str) -> dict[str, dict[str, Any]]:
    """What a store holds of each run of imagetrail, by its name, without what tells of times, ids and persons."""
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r}); from tests.stores import told; told()"
    )
    done = subprocess.run(
        [forking.client_of(sys.executable), "-c", program],
        env={**os.environ, "MLFLOW_TRACKING_URI": uri},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return json.loads(done.stdout)


def told() -> None:
    """Print the contents of the store that the environment names: in a process of its own, as MLflow keeps state."""
    import mlflow

    client = mlflow.MlflowClient()
    wanted = os.environ.get("MLFLOW_EXPERIMENT_NAME")
    found = [one for one in client.search_experiments() if wanted in (None, one.name)]
    runs = client.search_runs([one.experiment_id for one in found], max_results=1000)
    names: dict[str, list[Any]] = {}
    for run in runs:
        names.setdefault(run.info.run_name, []).append(run)
    print(json.dumps({f"{n}/{i}": described(client, run) for n, each in names.items() for i, run in enumerate(each)}))


def described(client: Any, run: Any) -> dict[str, Any]:
    """All of one run that repeats."""
    run_id = run.info.run_id
    tags = {key: value for key, value in run.data.tags.items() if key not in TELLS_TIME}
    tags.pop("mlflow.parentRunId", None)
    tags.pop("imagetrail.note", None)  # the hash of a description with links to runs
    tags["mlflow.note.content"] = RUN_ID.sub("*", tags.get("mlflow.note.content", ""))
    history = {name: client.get_metric_history(run_id, name) for name in run.data.metrics}
    metrics = {name: sorted([m.step, m.value] for m in points) for name, points in history.items()}
    timed = {name: [[step, None] for step, _ in points] for name, points in metrics.items() if name.endswith(ENDINGS)}
    with tempfile.TemporaryDirectory() as folder:
        files = hashes(Path(client.download_artifacts(run_id, "", folder)))
    return {
        "status": run.info.status,
        "params": run.data.params,
        "metrics": metrics | timed,
        "tags": tags,
        "files": files,
        "inputs": [(one.dataset.name, one.dataset.digest) for one in run.inputs.dataset_inputs],
        "models": models(client, run),
    }


def models(client: Any, run: Any) -> list[Any]:
    """Name, status, measures and files of each model of a run; its own description holds ids."""
    import mlflow

    found = []
    for model in client.search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'"):
        linked = [output.model_id for output in run.outputs.model_outputs] if run.outputs else []
        with tempfile.TemporaryDirectory() as folder:
            files = hashes(Path(mlflow.artifacts.download_artifacts(f"models:/{model.model_id}", dst_path=folder)))
        files["MLmodel"] = ""
        measures = sorted(m.key for m in model.metrics or [])
        found.append([model.name, str(model.status), model.model_id in linked, measures, files])
    return sorted(found, key=lambda one: one[0])


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of each file, by its path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def differences(one: Any, other: Any, at: str = "") -> list[str]:
    """Where two such descriptions differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted(one.keys() | other.keys())
        return [line for key in keys for line in differences(one.get(key), other.get(key), f"{at}/{key}")]
    return [] if one == other else [f"{at}: {str(one)[:80]} != {str(other)[:80]}"]
