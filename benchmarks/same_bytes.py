"""Which bytes stay equal elsewhere: python benchmarks/same_bytes.py [WORD …] [--folder DIR]

A tiny project with every kind of node runs once as it is (one in DIR is taken), and once in each variation: another
folder, user, locale, time zone, hash seed, umask, number of cores, number of threads; the first is many of them at
once. The table says for every out in which variations its hash differs. WORDs choose variations. Ends with 1 when an
out differs where it must not: everywhere but with another thread count or another oneDNN setting.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tiny import PROJECT, change, outs, project, run

REPRO = ["dvc", "repro"]
NOBODY = [
    "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=+dac_read_search",
    "--ambient-caps=+dac_read_search",
]  # fmt: skip


@dataclass(frozen=True)
class Variation:
    """One way to run the same: what stands before the command, variables, and a change of params.yaml."""

    name: str
    before: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    edit: Callable[[Any], None] | None = None
    may_differ: bool = False
    place: str = "project"


def threads(tree: Any) -> None:
    """One thread in place of two."""
    tree["runtime"]["threads"] = 1


def without_onednn(tree: Any) -> None:
    """Without Intel's kernels."""
    tree["runtime"]["onednn"] = False


def workers(tree: Any) -> None:
    """Two workers of a search in place of one."""
    tree["tune"]["plain"]["workers"] = 2


VARIATIONS = [
    Variation(
        "all of those below that must not matter, at once",
        before=[*NOBODY, "sh", "-c", 'umask 077; exec "$@"', "sh", "taskset", "-c", "0"],
        variables={
            "HOME": "{folder}/home",
            "LC_ALL": "tr_TR.UTF-8",
            "LOCPATH": "{folder}/locales",
            "TZ": "Pacific/Kiritimati",
            "PYTHONHASHSEED": "1",
        },
        place="other folder/with spaces, ü",
    ),
    Variation("again"),
    Variation("another folder", place="other folder/with spaces, ü"),
    Variation("another user (nobody)", before=NOBODY, variables={"HOME": "{folder}/home"}),
    Variation("locale C, no UTF-8", variables={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    Variation("locale tr_TR", variables={"LC_ALL": "tr_TR.UTF-8", "LOCPATH": "{folder}/locales"}),
    Variation("locale de_DE", variables={"LC_ALL": "de_DE.UTF-8", "LOCPATH": "{folder}/locales"}),
    Variation("time zone +14", variables={"TZ": "Pacific/Kiritimati"}),
    Variation("PYTHONHASHSEED=1", variables={"PYTHONHASHSEED": "1"}),
    Variation("PYTHONHASHSEED=4242", variables={"PYTHONHASHSEED": "4242"}),
    Variation("umask 077", before=["sh", "-c", 'umask 077; exec "$@"', "sh"]),
    Variation("1 core (taskset)", before=["taskset", "-c", "0"]),
    Variation("2 workers of the search", edit=workers),
    Variation("1 thread in params", edit=threads, may_differ=True),
    Variation("oneDNN off in params", edit=without_onednn, may_differ=True),
]


def main(arguments: list[str]) -> int:
    """Run, compare and print; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--folder", type=Path)
    parsed = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="same-bytes-") as made:
        folder = (parsed.folder or Path(made)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)  # another user must come in
        usual = outs(folder / "usual/project") or ran(Variation("as it is"), folder / "usual")[0]
        chosen = [v for v in VARIATIONS if not parsed.words or any(word in v.name for word in parsed.words)]
        print("| variation | outs equal | what differs | seconds |\n|---|---|---|---|", flush=True)
        wrong = [row(variation, usual, folder / str(number)) for number, variation in enumerate(chosen)]
        return int(any(wrong))


def row(variation: Variation, usual: dict[str, str], folder: Path) -> bool:
    """Run a variation and print its line; returns whether something differs that must not."""
    began = time.monotonic()
    found, problem = ran(variation, folder, folder.parent / "usual/project")  # its code, whatever is edited meanwhile
    apart = sorted(path for path in usual | found if usual.get(path) != found.get(path))
    said = problem or ", ".join(f"`{path}`" for path in apart) or "nothing"
    if variation.may_differ and apart:
        said += " (as it must: the arithmetic is another)"
    equal = f"{len(usual) - len(apart)} of {len(usual)}"
    print(f"| {variation.name} | {equal} | {said} | {time.monotonic() - began:.0f} |", flush=True)
    shutil.rmtree(folder)
    return bool(problem or (apart and not variation.may_differ))


def ran(variation: Variation, folder: Path, code: Path = PROJECT) -> tuple[dict[str, str], str]:
    """Run the tiny project so; returns the hashes of its outs, and the end of what was said when it failed."""
    place = project(folder / variation.place, code)
    if variation.edit:
        change(place, variation.edit)
    (folder / "home").mkdir()
    prepared(variation, folder)
    variables = {key: value.format(folder=folder) for key, value in variation.variables.items()}
    done = run(place, [*variation.before, *REPRO], **variables)
    return outs(place), " ".join(done.stderr.split())[-300:] if done.returncode else ""


def prepared(variation: Variation, folder: Path) -> None:
    """Make the locales that are asked for, and give the folder to the user who will run there."""
    if "LOCPATH" in variation.variables:
        (folder / "locales").mkdir()
        name = variation.variables["LC_ALL"]
        built = ["localedef", "-i", name.split(".")[0], "-f", "UTF-8", str(folder / "locales" / name)]
        subprocess.run(built, capture_output=True, check=False)
    if variation.before[:1] == NOBODY[:1]:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, 65534, 65534, follow_symlinks=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
