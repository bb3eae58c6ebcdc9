"""How fast `imagetrail predict` is beside the network alone.

    python benchmarks/predict.py ARCHIVE [N]

Takes N (8,192) images of an archive and a residual_cnn as in recipes/eurosat.yaml with random weights: what it answers
means nothing, what it costs is the same. In turns, REPEATS times each: `predict` from the archive's bytes to a CSV,
start-up left out, and Keras' `model.predict` on the same images decoded before, with batches of 32 (its own choice) and
of 256. Prints images/s, CPU time and the ratio of each turn; ratios of one turn share its load.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from ruamel.yaml import YAML

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stages.core.images.packs import Statistics
from stages.core.ingest.source import Member
from stages.core.layout import PROJECT
from stages.core.serving.asked_images import members
from stages.core.serving.compiled import Compiled
from stages.core.serving.streaming import answers
from stages.core.serving.telling import told, write
from stages.core.settings.params import open_project
from stages.core.tracking.served_model import ServedModel
from stages.core.training.runtime import start_tensorflow

REPEATS = 7
CLASSES = [f"class {number}" for number in range(10)]
NORMALIZE = {"height": 64, "width": 64, "channels": "rgb", "fit": "stretch", "resample": "bilinear"}


def network() -> Any:
    """The residual_cnn of the recipe, untrained."""
    from stages.models.residual_cnn import Options, build

    entries = YAML(typ="safe").load((PROJECT / "recipes/eurosat.yaml").read_text())["models"].values()
    written = next(entry for entry in entries if entry["kind"] == "residual_cnn")
    options = {name: value for name, value in written.items() if name not in ("kind", "input", "fit")}
    return build(Options(**options), (64, 64, 3), len(CLASSES), Statistics([100.0] * 3, [900.0] * 3))


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Wall and CPU seconds of some work."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def predict(model: ServedModel, images: list[Member], path: Path) -> None:
    """What the command does after its start."""
    write((told(answer, model, 5) for answer in answers(model, images)), "csv", 5, path)


def main(archive: str, n_images: int) -> None:
    """Measure and print."""
    params, _ = open_project()
    start_tensorflow(params.tree.runtime)
    keras_model = network()
    about = {"classes": CLASSES, "normalize": NORMALIZE, "temperature": 1.3, "threshold": 0.5}
    model = ServedModel(Compiled(keras_model), about)
    with tempfile.TemporaryDirectory() as folder:
        found = members([archive], params.tree.download, Path(folder))
        chosen = [found[at] for at in np.linspace(0, len(found) - 1, n_images).astype(int)]
        packed = np.stack([model.pixels(member.read()) for member in chosen if member.read])
        ways = {
            "predict": lambda: predict(model, chosen, Path(folder) / "out.csv"),
            "model.predict, batches of 32": lambda: keras_model.predict(packed, verbose=0),
            "model.predict, batches of 256": lambda: keras_model.predict(packed, batch_size=256, verbose=0),
        }
        for work in ways.values():
            work()
        turns = [{name: timed(work) for name, work in ways.items()} for _ in range(REPEATS)]
    show(turns, n_images)


def show(turns: list[dict[str, tuple[float, float]]], n_images: int) -> None:
    """Print a line a way: the median rate and CPU time, and the ratios of all turns."""
    for name in turns[0]:
        rate = median(n_images / turn[name][0] for turn in turns)
        cpu = median(turn[name][1] / n_images * 1e6 for turn in turns)
        ratios = sorted(turn[name][0] / turn["predict"][0] for turn in turns)
        against = f"predict / this: {median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        print(f"{name:<30} {rate:>8,.0f} images/s {cpu:>5.0f} CPU us an image   {against}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 8192)
