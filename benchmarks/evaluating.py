"""Seconds of an evaluation in depth: `python benchmarks/evaluating.py [IMAGES] [CLASSES]`, 10,000 x 10 by default.

Predictions of validation and test images that a calibrated model might give, with a manifest of random looks; no MLflow
and no pictures of images, which cost what decoding some 200 of them costs.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.candidates.candidate import Candidate
from stages.core.evaluating.depth import evaluate_in_depth
from stages.core.files import write_csv, write_parquet
from stages.core.layout import PROJECT
from stages.core.settings.params import load


def predictions(n: int, n_classes: int) -> pd.DataFrame:
    """Answers to n images of each split."""
    rng, parts = np.random.default_rng(1), []
    for split in ("val", "test"):
        truth = rng.integers(0, n_classes, n)
        powers = np.exp(3 * (rng.normal(size=(n, n_classes)) + 3 * np.eye(n_classes)[truth]))
        rows = pd.DataFrame(powers / powers.sum(axis=1, keepdims=True), columns=[f"p.{k}" for k in range(n_classes)])
        about = {"path": [f"{split}/{i}" for i in range(n)], "split": split, "label": truth.astype(str)}
        parts.append(pd.DataFrame(about).join(rows.astype(np.float32)))
    return pd.concat(parts, ignore_index=True)


def manifest(table: pd.DataFrame) -> pd.DataFrame:
    """What the gate might say of them."""
    rng, n = np.random.default_rng(2), len(table)
    looks = {name: rng.normal(size=n) for name in ("brightness", "contrast", "crispness")}
    sizes = {name: rng.integers(50, 90, n) for name in ("width", "height", "n_bytes")}
    texts = {
        "format": "PNG",
        "mode": "RGB",
        "flags": "",
        "group": rng.integers(0, 5, n).astype(str),
        "sha256": "0" * 64,
    }
    return table[["path", "split", "label"]].assign(**looks, **sizes, **texts)


def main() -> None:
    """Evaluate once to import everything, and once with a clock."""
    n, n_classes = ([int(word) for word in sys.argv[1:]] + [10_000, 10][len(sys.argv) - 1 :])[:2]
    options = load(PROJECT / "params.yaml").tree.evaluate
    with tempfile.TemporaryDirectory() as scratch:
        for size in (200, n):
            folder, table = Path(scratch) / str(size), predictions(size, n_classes)
            (folder / "evaluation").mkdir(parents=True)
            write_parquet(folder / "predictions.parquet", table)
            write_parquet(folder / "manifest.parquet", manifest(table))
            write_csv(folder / "history.csv", pd.DataFrame({"epoch": []}))
            cost = dict.fromkeys(("n_parameters", "multiply_adds", "model_bytes", "n_epochs"), 1)
            record = {"name": "made", "failure": None, "seeds": [1], "params": {}, "classes": [], **cost}
            begun, of_cpu = time.perf_counter(), time.process_time()
            metrics = evaluate_in_depth(
                Candidate(folder, record), options, folder / "manifest.parquet", folder / "evaluation"
            )
            seconds, cpu = time.perf_counter() - begun, time.process_time() - of_cpu
            n_bytes = sum(path.stat().st_size for path in (folder / "evaluation").iterdir())
    print(
        f"2 x {n:,} images, {n_classes} classes, accuracy {metrics['test_accuracy']:.3f}: {seconds:.1f} s, "
        f"{cpu:.1f} s of CPU, {n_bytes / 1e6:.1f} MB"
    )


if __name__ == "__main__":
    main()
