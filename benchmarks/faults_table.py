"""What a fault does to a run, and whether the next one ends right: python benchmarks/faults_table.py [WORD …]

A tiny project with every kind of node runs once, unbroken. Each row starts from a copy in which the outs of one node
are gone, plants a fault, runs `dvc repro` of that node, takes the fault away and runs `dvc repro`. The table: what was
said (our last line), the exit code, whether a traceback was seen, whether the outs of all other nodes are still there,
no half-written file is left, and all outs end with the hashes of the unbroken run. WORDs choose rows.

Full disks and read-only places are real mounts: that needs root on Linux. Ends with 1 when a row is not as it should.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tiny import NODES, change, environment, outs, project, run

SPARE = 24_000  # bytes that are left on the full disk
SAID = re.compile(r"^(error|differs): .*", re.MULTILINE)
Fault = Callable[[Path, str], AbstractContextManager[None]]
DVC_S = 300


@dataclass(frozen=True)
class Row:
    """A fault at a node; `ends`: whether the run must fail, may fail (None), or must not."""

    name: str
    node: str
    plant: Fault
    ends: bool | None = True


# ---- faults --------------------------------------------------------------------------------------------------------


def mounted(*arguments: str) -> None:
    """Mount, or remount."""
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


@contextmanager
def full(folder: Path, _: str) -> Iterator[None]:
    """The whole project lies on a disk with a few thousand bytes left; then room is made."""
    aside, options = folder.with_name(folder.name + " aside"), "size=4g"
    folder.rename(aside)
    folder.mkdir()
    mounted("-t", "tmpfs", "-o", options, "tmpfs", str(folder))
    shutil.copytree(aside, folder, symlinks=True, dirs_exist_ok=True)
    used = shutil.disk_usage(folder).used
    mounted("-o", f"remount,size={used + SPARE}", str(folder))
    try:
        yield
    finally:
        mounted("-o", f"remount,{options}", str(folder))
        shutil.rmtree(aside)
        shutil.copytree(folder, aside, symlinks=True)
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()
        aside.rename(folder)


@contextmanager
def read_only(folder: Path, node: str) -> Iterator[None]:
    """The folder that the node writes into is mounted read-only."""
    place = (folder / NODES[node][1][0]).parent
    place.mkdir(parents=True, exist_ok=True)
    mounted("--bind", str(place), str(place))
    mounted("-o", "remount,bind,ro", str(place))
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True)


@contextmanager
def corrupt_cache(folder: Path, node: str) -> Iterator[None]:
    """Every file of DVC's cache that the node needs again has another byte."""
    for path in (folder / ".dvc/cache/files/md5").rglob("*"):
        if path.is_file() and not path.name.endswith(".dir"):
            path.chmod(0o644)
            data = bytearray(path.read_bytes())
            data[len(data) // 2 : len(data) // 2 + 1] = b"\xa5"
            path.write_bytes(data)
    yield


@contextmanager
def file_limit(folder: Path, _: str) -> Iterator[None]:
    """No file may grow beyond 8 kB: the write fails with EFBIG."""
    os.environ["TINY_LIMIT"] = "8"
    yield
    del os.environ["TINY_LIMIT"]


ROWS = [
    *(Row("disk full", node, full) for node in NODES),
    *(Row("read-only folder", node, read_only) for node in NODES),
    *(Row("limit on the size of files", node, file_limit) for node in ("normalize", "train plain")),
    Row("cache entries with a wrong byte", "train plain", corrupt_cache, None),  # DVC then runs all nodes again
]


# ---- running -------------------------------------------------------------------------------------------------------


def main(arguments: list[str]) -> int:
    """Run the rows and print them; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--folder", type=Path)
    parsed = parser.parse_args(arguments)
    chosen = [row for row in ROWS if all(word in f"{row.name}, {row.node}" for word in parsed.words)]
    with tempfile.TemporaryDirectory(prefix="faults-") as made:
        folder = (parsed.folder or Path(made)).resolve()
        whole = unbroken(folder)
        print("| fault | node | exit code | said | traceback | earlier outs | half-written | then equal | s |")
        print("|---" * 9 + "|", flush=True)
        wrong = [tried(row, whole, folder / "try") for row in chosen]
    return int(any(wrong))


def unbroken(folder: Path) -> Path:
    """The project after a run without fault; one that is there is taken."""
    whole = folder / "whole"
    if not whole.exists():
        project(whole)
        change(whole, lambda tree: tree["runtime"].update(threads=2))
        done = run(whole, ["dvc", "repro"])
        if done.returncode:
            sys.exit(done.stderr[-3000:])
    return whole


def tried(row: Row, whole: Path, place: Path) -> bool:
    """One row; returns whether it is not as it should be."""
    began, wanted = time.monotonic(), outs(whole)
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(whole, place, symlinks=True)
    target, gone = NODES[row.node]
    for name in gone:
        shutil.rmtree(place / name) if (place / name).is_dir() else (place / name).unlink(missing_ok=True)
    run(place, ["dvc", "config", "core.check_update", "false"])
    with row.plant(place, row.node):
        done = attempt(place, target)
        kept = kept_outs(place, whole, gone)
        halves = [path.name for path in place.rglob("*.part")]
    after = run(place, ["dvc", "repro"])
    equal = after.returncode == 0 and outs(place) == wanted and same_files(place, whole)
    said = last_said(done)
    bad = (row.ends is not None and row.ends != (done.returncode != 0)) or "Traceback" in done.stderr
    cells = [
        row.name, row.node, str(done.returncode), said, "yes" if "Traceback" in done.stderr else "no", kept,
        ", ".join(halves) or "none", "yes" if equal else f"NO: {' '.join(after.stderr.split())[-200:]}",
        f"{time.monotonic() - began:.0f}",
    ]  # fmt: skip
    print(f"| {' | '.join(cells)} |", flush=True)
    return bad or not equal or bool(halves) or kept != "all"


def attempt(place: Path, target: str) -> subprocess.CompletedProcess[str]:
    """Run `dvc repro -s` of one node without DVC's cache of runs, which would answer without running it."""
    command = ["dvc", "repro", "-s", "-f", "--no-run-cache", target]
    if limit := os.environ.get("TINY_LIMIT"):
        command = ["sh", "-c", f'ulimit -f {limit}; exec "$@"', "sh", sys.executable, "-m", "stages", *stage_of(target)]
    return subprocess.run(
        command, cwd=place, env=environment(), capture_output=True, text=True, errors="replace", check=False,
        timeout=DVC_S,
    )  # fmt: skip


def stage_of(target: str) -> list[str]:
    """train@plain -> train plain."""
    return target.split("@")


def last_said(done: subprocess.CompletedProcess[str]) -> str:
    """Our last sentence, else the end of what was said."""
    ours = [found[0] for found in SAID.finditer(done.stderr)]
    text = ours[-1] if ours else " ".join(done.stderr.split())[-160:]
    return re.sub(r"/\S*/(try)/", "", text).replace("|", "\\|")[:230]


def kept_outs(place: Path, whole: Path, gone: list[str]) -> str:
    """Whether the outs of all other nodes are as they were."""
    lost = [
        path for path in outs(whole)
        if path not in gone and not same(place / path, whole / path)
    ]  # fmt: skip
    return ", ".join(lost) or "all"


def same_files(place: Path, whole: Path) -> bool:
    """Whether what lies in the folders is what dvc.lock says."""
    return all(same(place / path, whole / path) for path in outs(whole))


def same(one: Path, other: Path) -> bool:
    """Whether two files or folders hold the same bytes."""
    if not other.is_dir():
        return one.is_file() and one.read_bytes() == other.read_bytes()
    names = [path.relative_to(other) for path in other.rglob("*") if path.is_file()]
    return one.is_dir() and all((one / name).is_file() and same(one / name, other / name) for name in names)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
