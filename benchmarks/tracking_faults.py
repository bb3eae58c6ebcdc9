"""What becomes of a training when MLflow fails: python benchmarks/tracking_faults.py [WORD …]

Each row of the Markdown table is a copy of one small prepared project, in which `train` and `evaluate` run as the
pipeline runs them, with one fault of the store, planted before the first call or after the first epoch. Then the fault
is removed and `imagetrail sync` runs. Compared are every byte of the candidate and its evaluation with those of an
undisturbed run; and after sync all that the store holds of the runs (params, metrics with steps, tags, artifacts,
models) with an undisturbed store of its kind. "longest stall" is the longest that either stage waited for a call that
failed, "at exit" how long its process lived on after its work. WORDs choose the rows whose name holds one. Ends with 1
where a row is not as promised. Needs root: some rows mount a small disk, or lock a file with chattr.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.conftest import Checkout, checkout
from tests.stores import Proxy, contents, differences, hashes, mlflow_server, stop

WATCHED = """
import json, sys, threading, time
from pathlib import Path
from stages.core.console import run
from stages.core.tracking import creation, store, waiting
from stages.core.tracking.live import Live
notes, place, stage, name, middle = [], Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4] == "middle"
real, epoch = waiting.within, Live.epoch
def within(limit_s, call, **how):
    began = time.monotonic()
    try:
        return real(limit_s, call, **how)
    except Exception:
        notes.append(time.monotonic() - began)
        raise
waiting.within = creation.within = store.within = within
def watched(self, number, row):
    answer = epoch(self, number, row)
    if middle and not (place / "middle").exists():
        (place / "middle").touch()
        while not (place / "planted").exists():
            time.sleep(0.05)
    return answer
Live.epoch = watched
import importlib
code = run(importlib.import_module(f"stages.{stage}").main, name)
noted = {"longest": max(notes, default=0), "ended": time.time()}
(place / f"{stage}.json").write_text(json.dumps(noted))
sys.exit(code)
"""
LIMIT_S = 5  # tracking.timeout_s of the copies


@dataclass
class Bench:
    """The prepared project, an undisturbed run of it in either kind of store, and the server."""

    folder: Path
    prepared: Path
    servers: ExitStack
    server: str = ""
    process: Any = None
    results: dict[str, str] = field(default_factory=dict)
    stores: dict[str, Any] = field(default_factory=dict)


@dataclass
class Row:
    """One fault: how it is planted, when, and where the store is."""

    name: str
    plant: Callable[[Bench, Path], Any]
    when: str = "start"
    kind: str = "sqlite"
    whole: bool = False  # the store must be whole without sync


def prepare(folder: Path) -> Path:
    """Make a small project whose images are packed."""
    made = checkout(folder)
    tree = made.params()
    block = {"filters": [4], "kernel": 3, "padding": "same", "batch_norm": "none", "pool": "max", "dropout": 0.0}
    tree["models"] = {"plain": {**tree["models"]["plain"], "blocks": [block], "dense": []}}
    tree["models"]["plain"]["fit"] |= {"epochs": 3, "batch_size": 256, "early_stopping": None}
    tree["tune"], tree["tracking"]["timeout_s"] = {}, LIMIT_S
    made.write_params(tree)
    for node in ("download", "validate", "normalize"):
        made.stage(node)
    return folder


def copy(bench: Bench, name: str) -> Path:
    """A fresh copy of the prepared project."""
    place = bench.folder / name
    shutil.copytree(bench.prepared, place, symlinks=True)
    return place


def run_stage(root: Path, stage: str, when: str, plant: Callable[[], None], **variables: str) -> dict[str, Any]:
    """Run a stage; returns its exit code, what it said, its longest wait for the store, and its seconds to exit."""
    keep = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "DVC_"))}
    command = [sys.executable, "-c", WATCHED, str(root / ".watch"), stage, "plain", when]
    (root / ".watch").mkdir(exist_ok=True)
    process = subprocess.Popen(
        command, cwd=root, env={**keep, **variables}, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if when == "middle":
        while not (root / ".watch/middle").exists() and process.poll() is None:
            time.sleep(0.05)
        plant()
        (root / ".watch/planted").touch()
    try:
        said = process.communicate(timeout=300)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        return {"code": "hangs", "said": "", "longest": 300.0, "exit": 300.0}
    gone, path = time.time(), root / f".watch/{stage}.json"
    noted = json.loads(path.read_text()) if path.exists() else {"longest": -1, "ended": gone}
    return {"code": process.returncode, "said": said, "longest": noted["longest"], "exit": gone - noted["ended"]}


def result(root: Path) -> str:
    """Hashes of all that the two stages wrote."""
    return json.dumps([hashes(root / "data/candidates"), hashes(root / "reports/candidates")])


# ---- faults: context managers that yield (environment, function that plants it) ------------------------------------


def proxied(mode: str, delay_s: float = 1.0) -> Callable[[Bench, Path], Any]:
    """A proxy before the real server that turns bad."""

    @contextmanager
    def planted(bench: Bench, root: Path) -> Iterator[tuple[dict[str, str], Callable[[], None]]]:
        proxy = Proxy(bench.server, delay_s=delay_s)

        def plant() -> None:
            proxy.mode = mode
            if mode == "refuse":
                proxy.server.shutdown()
                proxy.server.server_close()

        try:
            yield {"MLFLOW_TRACKING_URI": proxy.address, "MLFLOW_EXPERIMENT_NAME": root.name}, plant
        finally:
            proxy.close()

    return planted


@contextmanager
def killed_server(bench: Bench, root: Path) -> Iterator[Any]:
    """The server itself is killed."""
    yield (
        {"MLFLOW_TRACKING_URI": bench.server, "MLFLOW_EXPERIMENT_NAME": root.name},
        lambda: stop(bench.process),
    )


@contextmanager
def locked(bench: Bench, root: Path) -> Iterator[Any]:
    """Another process holds SQLite's lock."""
    held: list[sqlite3.Connection] = []

    def plant() -> None:
        if not (root / "mlflow.db").exists():
            Checkout(root).command("sync")
        held.append(sqlite3.connect(root / "mlflow.db", isolation_level=None, check_same_thread=False))
        held[0].execute("begin exclusive")

    yield {}, plant
    for one in held:
        one.close()


@contextmanager
def read_only(bench: Bench, root: Path) -> Iterator[Any]:
    """The file of the store can't be written; chattr holds for root as well."""

    def plant() -> None:
        if not (root / "mlflow.db").exists():
            Checkout(root).command("sync")
        subprocess.run(["chattr", "+i", str(root / "mlflow.db")], check=True)

    yield {}, plant
    subprocess.run(["chattr", "-i", str(root / "mlflow.db")], check=True)


def full(what: str, options: str) -> Callable[[Bench, Path], Any]:
    """A folder lies on a disk of its own that is full, or read-only."""

    @contextmanager
    def planted(bench: Bench, root: Path) -> Iterator[Any]:
        place = root / what
        place.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], check=True)

        def plant() -> None:
            if options == "ro":
                subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)
                return
            with (place / "ballast").open("wb", buffering=0) as stream, suppress(OSError):
                while stream.write(b"x" * 4096):
                    pass

        variables = {"MLFLOW_TRACKING_URI": f"sqlite:///{place}/store.db"} if what == "store" else {}
        try:
            yield variables, plant
        finally:
            subprocess.run(["mount", "-o", "remount,rw,size=200m", str(place)], check=True)
            (place / "ballast").unlink(missing_ok=True)

    return planted


@contextmanager
def nothing(bench: Bench, root: Path) -> Iterator[Any]:
    """No fault, over SQLite."""
    yield {}, lambda: None


ROWS = [
    Row("undisturbed, SQLite", nothing, whole=True),
    Row("undisturbed, server", proxied("pass"), kind="server", whole=True),
    Row("server answers each call a second late", proxied("slow", 1.0), kind="server", whole=True),
    Row("nobody listens", proxied("refuse"), kind="server"),
    Row("nobody listens from epoch 2 on", proxied("refuse"), "middle", "server"),
    Row("accepts and never answers", proxied("hang"), kind="server"),
    Row("never answers from epoch 2 on", proxied("hang"), "middle", "server"),
    Row("never answers an upload", proxied("hang_put"), kind="server"),
    Row("answers 500", proxied("error"), kind="server"),
    Row("answers 500 from epoch 2 on", proxied("error"), "middle", "server"),
    Row("acts, then cuts the line", proxied("drop"), kind="server"),
    Row("acts, then cuts the line, from epoch 2 on", proxied("drop"), "middle", "server"),
    Row("answers a byte every half second", proxied("drip"), kind="server"),
    Row("server killed after epoch 1", killed_server, "middle", "server"),
    Row("SQLite locked by another process", locked),
    Row("SQLite locked from epoch 2 on", locked, "middle"),
    Row("SQLite file can't be written", read_only),
    Row("SQLite file can't be written from epoch 2 on", read_only, "middle"),
    Row("disk of the store full", full("store", "full")),
    Row("disk of the store full from epoch 2 on", full("store", "full"), "middle"),
    Row("disk of the artifacts full", full("mlruns", "full")),
    Row("disk of the artifacts read-only", full("mlruns", "ro")),
]


def measure(bench: Bench, row: Row, number: int) -> list[str]:
    """Run one row; returns its cells, the last of them the verdict."""
    root = copy(bench, f"row{number}")
    with ExitStack() as stack:
        variables, plant = stack.enter_context(row.plant(bench, root))
        if row.when == "start":
            plant()
        train = run_stage(root, "train", row.when, plant, **variables)
        evaluate = run_stage(root, "evaluate", "start", plant, **variables)
    if bench.process.poll() is not None:
        raise_server(bench)
    if row.kind == "server":
        variables["MLFLOW_TRACKING_URI"] = bench.server
    before = time.monotonic()
    synced = Checkout(root).command("sync", ok=False, **variables)
    took, equal = time.monotonic() - before, result(root) == bench.results.setdefault("bytes", result(root))
    uri = variables.get("MLFLOW_TRACKING_URI", f"sqlite:///{root}/mlflow.db")
    os.environ["MLFLOW_EXPERIMENT_NAME"] = variables.get("MLFLOW_EXPERIMENT_NAME", "digits")
    held = contents(uri)
    differ = differences(bench.stores.setdefault(row.kind, held), held)
    touched = synced.stderr.rpartition("sync: ")[2].split()[0] if synced.stderr else "?"
    for line in [*(train["said"] + evaluate["said"]).splitlines(), *differ[:5], *synced.stderr.splitlines()]:
        print(f"    {line}", file=sys.stderr)
    longest, at_exit = (max(train[name], evaluate[name]) for name in ("longest", "exit"))
    fine = train["code"] == evaluate["code"] == 0 and equal and not differ and not synced.returncode
    fine = fine and (row.whole or longest < LIMIT_S + 1) and at_exit < 3 * LIMIT_S and touched == "1"
    cells = [row.name, "yes" if equal else "NO", f"{longest:.1f} s", f"{at_exit:.1f} s", touched, f"{took:.0f} s"]
    for disk in (root / "store", root / "mlruns"):
        if disk.is_mount():
            subprocess.run(["umount", str(disk)], check=True)
    return [*cells, "yes" if not differ else f"NO: {len(differ)}", "as promised" if fine else "NOT AS PROMISED"]


def raise_server(bench: Bench) -> None:
    """Start the server again on its own store."""
    port = int(bench.server.rsplit(":", 1)[1])
    bench.process = bench.servers.enter_context(mlflow_server(bench.folder / "server", port))[1]


def main(words: list[str]) -> int:
    """Print the table; returns 1 where a row is not as promised."""
    rows = [row for row in ROWS if not words or "undisturbed" in row.name or any(word in row.name for word in words)]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        bench = Bench(Path(folder), prepare(Path(folder) / "prepared"), stack)
        bench.server, bench.process = stack.enter_context(mlflow_server(bench.folder / "server"))
        print(
            "| fault of the store | result equal | longest stall | at exit | sync completed | it took | runs equal | |"
        )
        print("|---|---|---|---|---|---|---|---|", flush=True)
        cells = []
        for number, row in enumerate(rows):
            cells.append(measure(bench, row, number))
            print(f"| {' | '.join(cells[-1])} |", flush=True)
    return int(any(one[-1] != "as promised" for one in cells))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
