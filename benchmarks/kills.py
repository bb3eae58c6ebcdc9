"""Kill the pipeline at random times and look whether the next `dvc repro` ends as if nothing had been:

    python benchmarks/kills.py [--dvc 15] [--stages 35] [--seed 1] [--folder DIR [--from N] [--to N]]

A tiny project is run through once, unbroken. Each kill then starts from a copy of it in which the outs of one node are
gone (or all of them, for `dvc repro`), waits a seeded random share of the time that the command took unbroken, kills,
and runs `dvc repro`, and `imagetrail sync` where a run is not complete then, as `make repro` does. Each node is
killed at least once, the trainings more often. A row of the table: what was killed, how and when, what became of the
runs in MLflow, and what differs from the unbroken project: the hashes of all outs, the number of MLflow runs, the
metrics and steps of each run, what is left in .checkpoints/. Ends with 1 when anything differs, or when the unbroken
run trained other than the configured epochs.

With a folder, the rows are added to kills.md in it as they come, and a campaign that was cut short goes on with --from.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
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
    def through_dvc(self) -> bool:
        """Whether the whole pipeline is started, and not one node."""
        return self.command[0] == "dvc"

    @property
    def title(self) -> str:
        """What is started."""
        return "dvc repro" if self.through_dvc else " ".join(self.command[3:])


def planned(n_dvc: int, n_stages: int, seed: int) -> list[Kill]:
    """Draw all attempts, those through DVC and those of single nodes mixed; equal arguments give equal ones.

    The first single ones kill each node once while it works, in an order that is drawn; then nodes are drawn.
    """
    draw = random.Random(seed)  # noqa: S311 - a plan, no secret
    nodes = draw.sample(list(OUTS), len(OUTS)) + draw.choices(LIKELY, k=n_stages)
    titles = ["dvc repro"] * n_dvc + nodes[:n_stages]
    order = draw.sample(range(len(titles)), len(titles))
    return [drawn(number, titles[at], seed, at < n_dvc + len(OUTS)) for number, at in enumerate(order)]


def drawn(number: int, title: str, seed: int, at_work: bool) -> Kill:
    """Draw how one attempt goes; the same number, title and seed give the same.

    at_work: whether it is not to be in the first third of the time, in which a node alone only starts.
    """
    draw = random.Random(f"{seed} {number} {title}")  # noqa: S311 - a plan, no secret
    through_dvc = title == "dvc repro"
    command = title.split() if through_dvc else [sys.executable, "-m", "stages", *title.split()]
    target = draw.choice(["dvc", "stage", "group"]) if through_dvc else draw.choice(["stage", "stage", "group"])
    number_of_signal = draw.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
    share = draw.uniform(0.33 if at_work and not through_dvc else 0, 1)
    return Kill(number, command, target, number_of_signal, share, draw.choice([0, 1]), draw.choice([1, 1, 2]))


def short(tree: Any) -> None:
    """A few epochs of all, every one of them configured: no early stopping."""
    for name, epochs in EPOCHS.items():
        tree["models"][name]["fit"] |= {"epochs": epochs, "early_stopping": None}
    tree["models"]["plain"]["fit"] |= {"seeds": [1, 2]}
    tree["tune"]["plain"] |= {"budget": {"trials": 3}, "initial_points": 1, "epochs": 2, "batch": 2}
    tree["evaluate"]["bootstrap"] = 20


def strike(folder: Path, kill: Kill, lasts: float) -> tuple[float, str]:
    """Start the command, wait, kill; returns the seconds it lived and how it ended, nothing where it was too quick."""
    began = time.monotonic()
    process = subprocess.Popen(
        kill.command, cwd=folder, env=environment(), start_new_session=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        process.wait(kill.share * lasts)
        return kill.share * lasts, ""
    except subprocess.TimeoutExpired:
        hit(process, kill)
    lived = time.monotonic() - began
    code = process.wait()
    left_alone(process.pid)
    return lived, f"ended with {code}; {', '.join(statuses(folder)) or 'no runs'}"


def hit(process: subprocess.Popen[bytes], kill: Kill) -> None:
    """Send the signal to whom it is meant for."""
    children = [pid for pid in members(process.pid) if pid != process.pid]
    if kill.target == "group":
        os.killpg(process.pid, kill.signal)
    elif kill.target == "stage" and kill.through_dvc and children:
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
    if not (folder / "mlflow.db").exists():
        return {"n": [0]}
    with sqlite3.connect(folder / "mlflow.db") as store:
        named = store.execute(
            "select t.value, r.name, r.status, r.run_uuid from runs r join tags t on t.run_uuid = r.run_uuid "
            "where t.key = 'imagetrail.key' order by t.value"
        ).fetchall()
        steps = "select key, step, count(*) from metrics where run_uuid = ? group by key, step order by key, step"
        table = {key: [name, status, *store.execute(steps, [uuid])] for key, name, status, uuid in named}
        return {"n": list(store.execute("select count(*) from runs").fetchone()), **table}


def statuses(folder: Path) -> list[str]:
    """How many runs of the store are called what; nothing where there is no whole store yet."""
    try:
        with sqlite3.connect(f"file:{folder / 'mlflow.db'}?mode=ro", uri=True) as store:
            counted = store.execute("select count(*), status from runs group by status order by status").fetchall()
    except sqlite3.OperationalError:
        return []
    return [f"{n} {status}" for n, status in counted]


def differences(reference: Path, folder: Path) -> list[str]:
    """What is not as in the unbroken project."""
    here, there = outs(folder), outs(reference)
    found = [f"out {name}" for name in sorted({*here, *there}) if here.get(name) != there.get(name)]
    return found + run_differences(reference, folder)


def run_differences(reference: Path, folder: Path) -> list[str]:
    """What is not as in the unbroken project's store, and what is left in .checkpoints/."""
    found, mine, yours = [], runs(folder), runs(reference)
    for key in sorted({*mine, *yours}):
        if mine.get(key) != yours.get(key):
            odd = set(map(str, mine.get(key, ()))) ^ set(map(str, yours.get(key, ())))
            found.append(f"run {key}: {sorted(odd)[:3]}")
    return found + [f"left {path.name}" for path in sorted((folder / ".checkpoints").glob("*"))]


def prepared(reference: Path, folder: Path, kill: Kill) -> None:
    """Copy the project as if the command had never run: dvc.lock, run cache and MLflow don't know what it makes."""
    shutil.copytree(reference, folder, symlinks=True)
    shutil.rmtree(folder / ".dvc/cache/runs", ignore_errors=True)
    if kill.through_dvc:
        (folder / "dvc.lock").unlink()
        gone = [*("data", "reports"), *TRACES]
    else:
        gone = OUTS[kill.title]
        forget(folder / "dvc.lock", kill.title.replace(" ", "@"))
        forget_runs(folder, reference, [Path(gone[0]).name] if kill.command[3] in ("train", "tune") else [])
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


def forget_runs(folder: Path, reference: Path, names: list[str]) -> None:
    """Take runs of these names out of the store, with their trials, and let the store name this folder's files."""
    with sqlite3.connect(folder / "mlflow.db") as store:
        columns = [
            (table, row[1])
            for (table,) in store.execute("select name from sqlite_master where type = 'table'").fetchall()
            for row in store.execute(f"pragma table_info({table})").fetchall()
        ]
        for table, column in columns:
            if column in ("artifact_location", "artifact_uri"):
                moved = f"update {table} set {column} = replace({column}, ?, ?)"  # noqa: S608 - names of MLflow's own
                store.execute(moved, (str(reference), str(folder)))
        own = f"select run_uuid from runs where name in ({marks(names)})"  # noqa: S608 - question marks
        ids = [run for (run,) in store.execute(own, names)]
        parent = f"select run_uuid from tags where key = 'mlflow.parentRunId' and value in ({marks(ids)})"  # noqa: S608
        ids += [run for (run,) in store.execute(parent, ids)]
        for table, column in columns:
            if column in ("run_uuid", "run_id", "source_run_id", "source_id", "destination_id"):
                store.execute(f"delete from {table} where {column} in ({marks(ids)})", ids)  # noqa: S608


def marks(values: list[str]) -> str:
    """As many question marks."""
    return ", ".join("?" * len(values))


def attempt(reference: Path, kill: Kill, lasts: dict[str, float]) -> tuple[str, list[str]]:
    """Kill once, earlier where it was over before, and look; returns the row of the table and what differs."""
    with tempfile.TemporaryDirectory(dir=reference.parent) as place:
        folder = Path(place) / "project"
        prepared(reference, folder, kill)
        lived, ended = strike(folder, kill, lasts[kill.title])
        if not ended:
            return attempt(reference, replace(kill, share=0.8 * kill.share), lasts)
        wrong, synced = taken_up(reference, folder)
        if wrong:
            shutil.copytree(folder, reference.parent / f"differs-{kill.number}", symlinks=True, dirs_exist_ok=True)
    name = signal.Signals(kill.signal).name
    at = f"{lived:.1f} of {lasts[kill.title]:.1f} s"
    result = "; ".join(wrong) or f"equal{', with sync' if synced else ''}"
    return f"| {kill.number} | {kill.title} | {name} to {kill.target} | {at} | {ended} | {result} |", wrong


def taken_up(reference: Path, folder: Path) -> tuple[list[str], bool]:
    """Run what comes after a kill; returns what differs, and whether `sync` was needed for the runs."""
    again = run(folder, ["dvc", "repro"])
    wrong = [f"dvc repro ended with {again.returncode}: {again.stderr[-400:]}"] if again.returncode else []
    incomplete = bool(run_differences(reference, folder))
    if incomplete:
        run(folder, [sys.executable, "-m", "stages.commands", "sync"])
    return wrong + differences(reference, folder), incomplete


def unbroken(folder: Path) -> dict[str, float]:
    """Run the pipeline without a break; returns how long it and each of its nodes take. Raises RuntimeError."""
    project(folder, edit=short)
    lasts = timed(folder)
    done = run(folder, [sys.executable, "-m", "stages.commands", "sync"])
    if done.returncode:
        raise RuntimeError(f"the unbroken run could not be synced: {done.stderr[-2000:]}")
    for name, epochs in EPOCHS.items():
        history = pd.read_csv(folder / f"data/candidates/{name}/history.csv")
        if list(history["epoch"]) != list(range(1, epochs + 1)):
            raise RuntimeError(f"{name} trained {len(history)} of {epochs} configured epochs")
    return lasts


def timed(folder: Path) -> dict[str, float]:
    """Run the pipeline; returns the seconds that it and each of its nodes takes. Raises RuntimeError."""
    began, seen = time.monotonic(), []
    process = subprocess.Popen(
        ["dvc", "repro"], cwd=folder, env=environment() | {"PYTHONUNBUFFERED": "1"}, text=True, errors="replace",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    said = []
    for line in process.stdout or ():
        said.append(line)
        if line.startswith("Running stage '"):
            seen.append((line.split("'")[1].replace("@", " "), time.monotonic()))
    if process.wait():
        raise RuntimeError(f"the unbroken run failed: {''.join(said)[-2000:]}")
    ends = [moment for _, moment in seen[1:]] + [time.monotonic()]
    return {"dvc repro": ends[-1] - began} | {
        title: end - start for (title, start), end in zip(seen, ends, strict=True)
    }


def reference_in(folder: Path) -> tuple[Path, dict[str, float]]:
    """The unbroken project and how long its nodes took; one that is there is taken."""
    reference, note = folder / "unbroken", folder / "lasts.json"
    if not note.exists():
        shutil.rmtree(reference, ignore_errors=True)
        note.write_text(json.dumps(unbroken(reference)))
    return reference, json.loads(note.read_text())


def campaign(folder: Path, kills: list[Kill]) -> list[str]:
    """All attempts, a row each as they end; returns what differed."""
    reference, lasts = reference_in(folder)
    told(folder, "| | command | killed by | lived | ended | after the next dvc repro |\n|---|---|---|---|---|---|")
    wrong = []
    for kill in kills:
        row, found = attempt(reference, kill, lasts)
        told(folder, row)
        wrong += found
    return wrong


def told(folder: Path, line: str) -> None:
    """Print a line, and keep it."""
    print(line, flush=True)
    with (folder / "kills.md").open("a", encoding="utf-8") as stream:
        stream.write(line + "\n")


def main() -> int:
    """Parse the command line, print the table, and say how many attempts ended as they should."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("dvc", 15), ("stages", 35), ("seed", 1), ("from", 0), ("to", None)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--folder", type=Path, help="is kept, with the projects that differ")
    asked = vars(parser.parse_args())
    signal.signal(signal.SIGHUP, lambda *_: None)  # outlives its terminal; nohup's way is inherited by what it starts
    kills = planned(asked["dvc"], asked["stages"], asked["seed"])[asked["from"] : asked["to"]]
    with tempfile.TemporaryDirectory() as scratch:
        wrong = campaign(asked["folder"] or Path(scratch), kills)
    print(f"\n{len(kills)} kills, {len(wrong)} differences")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
