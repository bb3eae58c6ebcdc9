"""What recipes reach and cost: python benchmarks/recipes.py RECIPE ENTRY ... [--set KEY=VALUE] [--goal 0.9126]

Runs the pipeline of one recipe in a clone of this repository up to the named entries, one at a time, and prints a
Markdown row for each of their seeds: epochs, accuracies, parameters, CPU seconds of training (imports excluded), and
the CPU seconds at the end of the first epoch whose validation accuracy passes the goal.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

from stages.core.files import read_json
from stages.core.layout import PROJECT

COLUMNS = (
    "recipe", "entry", "seed", "images", "epochs", "val accuracy", "test accuracy", "test balanced", "parameters",
    "CPU s", "CPU s to the goal",
)  # fmt: skip


def main(arguments: list[str]) -> None:
    """Train and print the rows as they come."""
    parsed = parser().parse_args(arguments)
    print("| " + " | ".join(COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(parsed.keep or folder, "clone")
        if not clone.exists():
            run(PROJECT, "git", "clone", "-q", str(PROJECT), str(clone))
            settings = [f"--set={value}" for value in parsed.set]
            run(clone, sys.executable, "-m", "stages.commands", "use", parsed.recipe, *settings)
        for entry in parsed.entries:
            run(clone, "dvc", "repro", "-q", f"train@{entry}", f"evaluate@{entry}")
            for row in rows(clone, entry, parsed.goal):
                print(f"| {parsed.recipe} | {entry} | " + " | ".join(row) + " |", flush=True)


def parser() -> argparse.ArgumentParser:
    """What can be asked for."""
    made = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("recipe", help="a file in recipes/, without .yaml")
    made.add_argument("entries", nargs="+", metavar="ENTRY", help="its entries to train, in this order")
    made.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="change a value of the recipe")
    made.add_argument("--goal", type=float, help="a validation accuracy; when was it passed?")
    made.add_argument("--keep", metavar="FOLDER", help="keep the clone in this folder, and use it again")
    return made


def rows(clone: Path, entry: str, goal: float | None) -> list[list[str]]:
    """Return the cells of each seed of a trained entry."""
    folder = clone / "data/candidates" / entry
    record, timing = read_json(folder / "candidate.json"), read_json(clone / f"reports/timings/{entry}.json")
    if record["failure"]:
        return [["–", record["failure"], *["–"] * 7]]
    found = []
    for index, seed in enumerate(record["params"]["fit"]["seeds"]):
        one = folder / f"seeds/{seed}" if index else folder
        seconds = timing["seeds"][index]
        cost = [f"{record['n_parameters']:,}", f"{seconds['train_cpu_s']:.0f}", passed(one, seconds, goal)]
        found.append([str(seed), *measured(one), *cost])
    return found


def measured(folder: Path) -> list[str]:
    """Images of each split, epochs, and accuracies of one seed, from its predictions."""
    table = pd.read_parquet(folder / "predictions.parquet")
    classes = [name for name in table.columns if name.startswith("p.")]
    table["right"] = table[classes].idxmax(axis=1) == "p." + table["label"]
    accuracy = table.groupby("split")["right"].mean()
    balanced = table.groupby(["split", "label"])["right"].mean().groupby("split").mean()
    counts = " + ".join(f"{n:,} {split}" for split, n in table["split"].value_counts().items())
    asked = ((accuracy, "val"), (accuracy, "test"), (balanced, "test"))
    shown = [f"{values[split]:.4f}" if split in values else "–" for values, split in asked]
    return [counts, str(len(pd.read_csv(folder / "history.csv"))), *shown]


def passed(folder: Path, seconds: dict[str, Any], goal: float | None) -> str:
    """CPU seconds at the end of the first epoch above the goal."""
    history = pd.read_csv(folder / "history.csv")
    if goal is None or "val_accuracy" not in history:
        return "–"
    above = history.index[history["val_accuracy"] > goal]
    return f"{seconds['epoch_cpu_s'][above[0]]:.0f}" if len(above) else "not passed"


def run(where: Path, *command: str) -> None:
    """Run a command there. Raises CalledProcessError."""
    subprocess.run(command, cwd=where, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main(sys.argv[1:])
