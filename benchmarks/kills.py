"""Kill the pipeline at random times and look whether the next `dvc repro` ends as if nothing had been:

    python benchmarks/kills.py [--dvc 15] [--stages 35] [--seed 1] [--folder DIR]

A tiny project is run through once, unbroken. Each kill then starts from a copy of it in which the outs of one node are
gone (or all of them, for `dvc repro`), waits a seeded random share of the time that the command took unbroken, kills,
and runs `dvc repro` and `imagetrail sync`, as `make repro` does. A row of the table: what was killed, how and when, and
what differs from the unbroken project: the hashes of all outs, the number of MLflow runs, the metrics and steps of each
run, what is left in .checkpoints/. Ends with 1 when anything differs, or when the unbroken run trained other than the
configured epochs.
"""

import argparse
import hashlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML
from tiny import change, environment, project, run

EPOCHS = {"plain": 4, "residual": 3}
OUTS = {  # what each node writes: gone before it is started alone
    "download": ["data/source"],
    "validate": ["data/manifest.parquet", "reports/validation"],
    "normalize": ["data/images"],
    "train plain": ["data/candidates/plain"],
    "train residual": ["data/candidates/residual"],
    "tune plain": ["data/candidates/plain-tuned", "reports/tuning/plain"],
    "evaluate plain": ["reports/candidates/plain"],
    "report": ["reports/index.html", "reports/leaderboard.csv", "reports/champion.json"],
}
LIKELY = ["train plain", "train residual", "tune plain"] * 4 + list(OUTS)  # trainings last longest
TRACES = ("mlflow.db", "mlruns", "reports/runs", "reports/timings", ".checkpoints", "reports/ledger.jsonl")


@dataclass(frozen=True)
class Kill:
    """One attempt: the command, which process gets which signal, and after which share of the unbroken time."""

    number: int
    command: list[str]
    target: str
    signal: int
    share: float
    every_s: float
    workers: int

    @property
    def title(self) -> str:
        """What is started."""
        return "dvc repro" if self.command[0] == "dvc" else " ".join(self.command[3:])


def planned(number: int, through_dvc: bool, seed: int) -> Kill:
    """Draw one attempt; the same number and seed give the same."""
    draw = random.Random(f"{seed} {number} {through_dvc}")  # noqa: S311 - a plan, no secret
    node = draw.choice(LIKELY)
    command = ["dvc", "repro"] if through_dvc else [sys.executable, "-m", "stages", *node.split()]
    target = draw.choice(["dvc", "stage", "group"]) if through_dvc else draw.choice(["stage", "stage", "group"])
    number_of_signal = draw.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
    return Kill(number, command, target, number_of_signal, draw.random(), draw.choice([0, 1]), draw.choice([1, 1, 2]))


def short(tree: Any) -> None:
    """A few epochs of all, every one of them configured: no early stopping."""
    for name, epochs in EPOCHS.items():
        tree["models"][name]["fit"] |= {"epochs": epochs, "early_stopping": None}
    tree["models"]["plain"]["fit"] |= {"seeds": [1, 2]}
    tree["tune"]["plain"] |= {"budget": {"trials": 3}, "initial_points": 1, "epochs": 2, "batch": 2}
    tree["evaluate"]["bootstrap"] = 20


def strike(folder: Path, kill: Kill, lasts: float) -> tuple[float, str]:
    """Start the command, wait, kill; returns the seconds it lived and how it ended."""
    began = time.monotonic()
    process = subprocess.Popen(
        kill.command, cwd=folder, env=environment(), start_new_session=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        process.wait(kill.share * lasts)
    except subprocess.TimeoutExpired:
        hit(process, kill)
    lived = time.monotonic() - began
    code = process.wait()
    left_alone(process.pid)
    return lived, f"ended with {code}"


def hit(process: subprocess.Popen[bytes], kill: Kill) -> None:
    """Send the signal to whom it is meant for."""
    children = [pid for pid in members(process.pid) if pid != process.pid]
    if kill.target == "group":
        os.killpg(process.pid, kill.signal)
    elif kill.target == "stage" and kill.command[0] == "dvc" and children:
        os.kill(children[-1], kill.signal)
    else:
        process.send_signal(kill.signal)


def members(session: int) -> list[int]:
    """Ids of the processes of a session, oldest first."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append((int(fields[19]), int(stat.parent.name)))
    return [pid for _, pid in sorted(found)]


def left_alone(session: int) -> None:
    """Wait until orphans have noticed. Raises TimeoutError for one that lives on."""
    until = time.monotonic() + 30
    while members(session):
        if time.monotonic() > until:
            raise TimeoutError(f"processes {members(session)} outlive the one that started them")
        time.sleep(0.1)


def outs(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of all outs, and what dvc.lock says of them."""
    files = [path for place in ("data", "reports") for path in (folder / place).rglob("*") if path.is_file()]
    kept = [path for path in files if not str(path.relative_to(folder)).startswith(TRACES)]
    found = {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in kept}
    stages = YAML(typ="safe", pure=True).load((folder / "dvc.lock").read_text())["stages"]
    return found | {f"dvc.lock: {out['path']}": out["md5"] for stage in stages.values() for out in stage["outs"]}


def runs(folder: Path) -> dict[str, Any]:
    """Of every run in the store, by its key: its name, status, and the steps of each metric."""
    with sqlite3.connect(folder / "mlflow.db") as store:
        named = store.execute(
            "select t.value, r.name, r.status, r.run_uuid from runs r join tags t on t.run_uuid = r.run_uuid "
            "where t.key = 'imagetrail.key' order by t.value"
        ).fetchall()
        steps = "select key, step, count(*) from metrics where run_uuid = ? group by key, step order by key, step"
        table = {key: [name, status, *store.execute(steps, [uuid])] for key, name, status, uuid in named}
        return {"n": list(store.execute("select count(*) from runs").fetchone()), **table}


def differences(reference: Path, folder: Path) -> list[str]:
    """What is not as in the unbroken project."""
    here, there, mine, yours = outs(folder), outs(reference), runs(folder), runs(reference)
    found = [f"out {name}" for name in sorted({*here, *there}) if here.get(name) != there.get(name)]
    for key in sorted({*mine, *yours}):
        if mine.get(key) != yours.get(key):
            odd = set(map(str, mine.get(key, ()))) ^ set(map(str, yours.get(key, ())))
            found.append(f"run {key}: {sorted(odd)[:3]}")
    return found + [f"left {path.name}" for path in sorted((folder / ".checkpoints").glob("*"))]


def prepared(reference: Path, folder: Path, kill: Kill) -> None:
    """Copy the project as if the command had never run: neither dvc.lock nor the run cache knows what it makes."""
    shutil.copytree(reference, folder, symlinks=True)
    shutil.rmtree(folder / ".dvc/cache/runs", ignore_errors=True)
    if kill.command[0] == "dvc":
        (folder / "dvc.lock").unlink()
        gone = [*("data", "reports"), *TRACES]
    else:
        node = " ".join(kill.command[3:])
        gone = OUTS[node] + (["mlflow.db", "mlruns"] if node.split()[0] in ("train", "tune") else [])
        forget(folder / "dvc.lock", node.replace(" ", "@"))
    for name in gone:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)

    def edit(tree: Any) -> None:
        tree["fit"]["checkpoint_every_s"] = kill.every_s
        tree["tune"]["plain"]["workers"] = kill.workers

    change(folder, edit)


def forget(lock: Path, stage: str) -> None:
    """Take a stage out of dvc.lock, lest DVC brings its outs from the cache and runs nothing."""
    tree = YAML(typ="safe", pure=True).load(lock.read_text())
    del tree["stages"][stage]
    with lock.open("w") as stream:
        YAML(typ="safe", pure=True).dump(tree, stream)


def attempt(reference: Path, kill: Kill, lasts: dict[str, float]) -> tuple[str, list[str]]:
    """Kill once and look; returns the row of the table and what differs."""
    with tempfile.TemporaryDirectory(dir=reference.parent) as place:
        folder = Path(place) / "project"
        prepared(reference, folder, kill)
        lived, ended = strike(folder, kill, lasts[kill.title])
        again = run(folder, ["dvc", "repro"])
        wrong = [f"dvc repro ended with {again.returncode}: {again.stderr[-400:]}"] if again.returncode else []
        run(folder, [sys.executable, "-m", "stages.commands", "sync"])  # the runs of the other nodes, and a slow store
        wrong += differences(reference, folder)
        if wrong:
            shutil.copytree(folder, reference.parent / f"differs-{kill.number}", symlinks=True, dirs_exist_ok=True)
    name = signal.Signals(kill.signal).name
    at = f"{lived:.1f} of {lasts[kill.title]:.1f} s"
    return (
        f"| {kill.number} | {kill.title} | {name} to {kill.target} | {at} | {ended} | {'; '.join(wrong) or 'equal'} |",
        wrong,
    )


def unbroken(folder: Path) -> dict[str, float]:
    """Run the pipeline without a break; returns how long it and each of its nodes take. Raises RuntimeError."""
    project(folder, edit=short)
    began = time.monotonic()
    done = run(folder, ["dvc", "repro"])
    lasts = {"dvc repro": time.monotonic() - began}
    if done.returncode or run(folder, [sys.executable, "-m", "stages.commands", "sync"]).returncode:
        raise RuntimeError(f"the unbroken run failed: {done.stderr[-2000:]}")
    for name, epochs in EPOCHS.items():
        history = pd.read_csv(folder / f"data/candidates/{name}/history.csv")
        if list(history["epoch"]) != list(range(1, epochs + 1)):
            raise RuntimeError(f"{name} trained {len(history)} of {epochs} configured epochs")
    return lasts


def timed(reference: Path, node: str) -> float:
    """Seconds that a node takes alone, in a copy."""
    with tempfile.TemporaryDirectory(dir=reference.parent) as place:
        folder = Path(place) / "project"
        shutil.copytree(reference, folder, symlinks=True)
        began = time.monotonic()
        run(folder, [sys.executable, "-m", "stages", *node.split()])
        return time.monotonic() - began


def campaign(folder: Path, n_dvc: int, n_stages: int, seed: int) -> list[str]:
    """All attempts, a row each as they end; returns what differed."""
    draw = random.Random(seed)  # noqa: S311
    lasts = unbroken(folder / "unbroken")
    through_dvc = sorted([True] * n_dvc + [False] * n_stages, key=lambda _: draw.random())
    kills = [planned(i, dvc, seed) for i, dvc in enumerate(through_dvc)]
    for title in {kill.title for kill in kills} - set(lasts):
        lasts[title] = timed(folder / "unbroken", title)
    print("| | command | killed by | lived | ended | after the next dvc repro |\n|---|---|---|---|---|---|", flush=True)
    wrong = []
    for kill in kills:
        row, found = attempt(folder / "unbroken", kill, lasts)
        print(row, flush=True)
        wrong += found
    return wrong


def main() -> int:
    """Parse the command line, print the table, and say how many attempts ended as they should."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("dvc", 15), ("stages", 35), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--folder", type=Path, help="is kept, with the projects that differ")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        wrong = campaign(asked.folder or Path(scratch), asked.dvc, asked.stages, asked.seed)
    print(f"\n{asked.dvc + asked.stages} kills, {len(wrong)} differences")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
