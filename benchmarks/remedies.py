"""Which remedy against imbalance helps on TrashNet: python benchmarks/remedies.py TRASHNET_ZIP [SEEDS [EPOCHS]]

For each seed of the split, trains the recipe's network once with every remedy in a clone of this repository, and
prints balanced accuracy on the test images and recall of the rarest class: mean over seeds with t intervals.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML
from scipy import stats

from stages.core.layout import PROJECT

REMEDIES = {
    "none": {"method": "none", "beta": None, "gamma": None},
    "class_weight": {"method": "class_weight", "beta": None, "gamma": None},
    "effective_number": {"method": "effective_number", "beta": 0.999, "gamma": None},
    "oversample": {"method": "oversample", "beta": None, "gamma": None},
    "focal": {"method": "focal", "beta": None, "gamma": 2.0},
}
RARE = "trash"


def main(archive: str, seeds: int = 3, epochs: int = 30) -> None:
    """Train everything and print the table as it grows."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, "clone")
        run(PROJECT, "git", "clone", "-q", str(PROJECT), str(clone))
        rows = []
        for seed in range(1, seeds + 1):
            configure(clone, Path(archive).resolve(), seed, epochs)
            run(clone, "dvc", "repro", "-q")
            rows += [measured(clone, method, seed) for method in REMEDIES]
            print(pd.DataFrame(rows).to_string(index=False), flush=True)
    print(summary(pd.DataFrame(rows)))


def configure(clone: Path, archive: Path, seed: int, epochs: int) -> None:
    """Write the recipe with one entry a remedy into the clone's params.yaml."""
    run(clone, "git", "checkout", "-q", "params.yaml")
    chosen = [f"datasets.trashnet.uri={archive}", "checks.no_conflicts.severity=warning", f"split.seed={seed}"]
    run(clone, sys.executable, "-m", "stages.commands", "use", "trashnet", *(f"--set={value}" for value in chosen))
    path, yaml = clone / "params.yaml", YAML()
    tree: Any = yaml.load(path)
    one = tree["models"].pop("residual")
    for method, balance in REMEDIES.items():
        tree["models"][method] = {**one, "fit": {**one["fit"], "epochs": epochs, "balance": balance}}
    yaml.dump(tree, path)


def measured(clone: Path, method: str, seed: int) -> dict[str, Any]:
    """Balanced accuracy and the recall of the rare class on the test images."""
    folder = clone / "reports/candidates" / method
    classes = pd.read_csv(folder / "test_per_class.csv").set_index("class")
    accuracy = (classes["recall"] * classes["n_images"]).sum() / classes["n_images"].sum()
    rare = classes.loc[RARE]
    return {
        "remedy": method,
        "seed": seed,
        "balanced": classes["recall"].mean(),
        "accuracy": accuracy,
        "rare_recall": rare["recall"],
        "rare_precision": rare["precision"],
        "n_rare": rare["n_images"],
    }


def summary(table: pd.DataFrame) -> str:
    """Markdown: mean over seeds and half the 95 % t interval; and the difference to `none`, paired by seed."""
    lines = [
        "| remedy | balanced accuracy | minus none | accuracy | recall of trash | minus none |",
        "|---|" + "---|" * 5,
    ]
    base = table[table["remedy"] == "none"].set_index("seed")
    for method, rows in table.groupby("remedy", sort=False):
        by_seed = rows.set_index("seed")
        cells = [by_seed["balanced"], by_seed["balanced"] - base["balanced"], by_seed["accuracy"]]
        cells += [by_seed["rare_recall"], by_seed["rare_recall"] - base["rare_recall"]]
        lines.append(f"| {method} | " + " | ".join(map(interval, cells)) + " |")
    return "\n".join(lines)


def interval(values: pd.Series) -> str:
    """Mean ± half the 95 % t interval."""
    half = stats.t.ppf(0.975, len(values) - 1) * values.sem() if len(values) > 1 else float("nan")
    return f"{values.mean():.3f} ± {half:.3f}"


def run(where: Path, *command: str) -> None:
    """Run a command there. Raises CalledProcessError."""
    subprocess.run(command, cwd=where, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
