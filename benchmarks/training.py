"""What training costs beside the network itself: each table is made in one run, as ratios.

    python benchmarks/training.py loop                 an epoch of ours beside model.fit on the same arrays
    python benchmarks/training.py input FOLDER         images/s beside image_dataset_from_directory on FOLDER/<class>/
    python benchmarks/training.py startup              start of `train` beside `import tensorflow`
    python benchmarks/training.py checkpoints          epochs that are kept every 30 s, 5 s and step beside none kept
    python benchmarks/training.py memory               memory and cold speed at 1 x and 10 x the data (3.6 GB of disk)

Other load moves seconds, less so ratios: everything is taken in turns and the median is shown. Run it when nothing else
runs; the load is printed.
"""

import argparse
import itertools
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.layout import PROJECT

SHAPE, CLASSES, REPEATS = (64, 64, 3), [str(i) for i in range(10)], 3
DISTANCES = {"none": 0.0, "30 s": 30.0, "5 s": 5.0, "every step": 0.0}  # between two checkpoints, by what it is called
STARTUP = """
import os, sys, time
from pathlib import Path
import stages.train
from stages.core.training import fitting
def stop(*args, **kwargs):
    sys.stdout.write(str(sum(os.times()[:2])) + "\\n"); sys.stdout.flush(); os._exit(0)
fitting.build = stop
stages.train.main("plain", Path({root!r}))
"""


def cpu_seconds() -> float:
    """User and system seconds of this process."""
    return sum(resource.getrusage(resource.RUSAGE_SELF)[:2])


def table(heads: list[str], rows: list[list[str]]) -> None:
    """Print a Markdown table, and the load of the machine."""
    print(f"\nload {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n\n| {' | '.join(heads)} |")
    print("|" + "---|" * len(heads))
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def quick() -> Any:
    """Return the entry `quick` of the EuroSAT recipe for 3 epochs, without augmentation."""
    from stages.core.settings.params import entry, read_yaml
    from stages.core.settings.search_space import applied

    written = read_yaml(PROJECT / "recipes/eurosat.yaml")["models"]["quick"]
    plain = {"fit.epochs": 3, "fit.augment.flip": "none", "fit.augment.shift": 0.0}
    return entry("models", "quick", applied(written, plain))


def start() -> None:
    """Start TensorFlow with the project's own settings."""
    from stages.core.settings.params import open_project
    from stages.core.training.runtime import prepare_runtime

    prepare_runtime(open_project()[0].tree.runtime)


def made(n: int, seed: int) -> Any:
    """A pack of n images of noise, in memory."""
    from stages.core.images.packs import Pack

    rng = np.random.default_rng(seed)
    return Pack(rng.integers(0, 256, (n, *SHAPE), dtype=np.uint8), rng.integers(0, 10, n), [""] * n)


def ours(item: Any, data: Any, marks: list[tuple[float, float]]) -> None:
    """Train with our loop, noting CPU and wall seconds at the end of each epoch."""
    from stages.core.training import fitting
    from stages.core.training.session import Session

    model = fitting.build(item.module("models"), item.options, item.fit, data)
    note = lambda *_: marks.append((cpu_seconds(), time.perf_counter()))  # noqa: E731 - a callback of one line
    fitting.train(model, item.fit, data, Session(note, "models.quick.fit"))


def keras_own(item: Any, data: Any, marks: list[tuple[float, float]]) -> None:
    """Train the same network on the same arrays with model.fit alone."""
    import keras

    from stages.core.training import fitting
    from stages.core.training.balancing import loss
    from stages.core.training.optimizing import optimizer

    model = fitting.build(item.module("models"), item.options, item.fit, data)
    size = item.fit.batch_size
    model.compile(optimizer(item.fit, 3 * -(-len(data.train.labels) // size)), loss(item.fit), metrics=["accuracy"])
    note = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: marks.append((cpu_seconds(), time.perf_counter())))
    one = np.eye(10, dtype=np.float32)
    pairs = [(pack.images, one[pack.labels]) for pack in (data.train, data.val)]
    extra = {"validation_data": pairs[1], "validation_batch_size": fitting.PREDICT_BATCH, "callbacks": [note]}
    model.fit(*pairs[0], batch_size=size, epochs=item.fit.epochs, verbose=0, **extra)


def loop(n: int) -> None:
    """Print microseconds an image of both loops, validation included, from the second epoch on."""
    start()
    from stages.core.images.packs import Statistics
    from stages.core.training.data import Data

    item, data = quick(), Data(made(n, 1), made(n // 8, 2), None, CLASSES, Statistics([127.5] * 3, [5461.0] * 3))
    found: dict[str, list[tuple[float, float]]] = {"model.fit": [], "ours": []}
    for _ in range(REPEATS):
        for name, run in (("model.fit", keras_own), ("ours", ours)):
            marks: list[tuple[float, float]] = []
            run(item, data, marks)
            found[name] += [(b[0] - a[0], b[1] - a[1]) for a, b in itertools.pairwise(marks)]
    medians = {
        name: [statistics.median(pair[i] for pair in pairs) / n * 1e6 for i in (0, 1)] for name, pairs in found.items()
    }
    base = medians["model.fit"]
    rows = [
        [name, f"{cpu:.0f}", f"{cpu / base[0]:.3f}", f"{wall:.0f}", f"{wall / base[1]:.3f}"]
        for name, (cpu, wall) in medians.items()
    ]
    table(["loop", "CPU us an image", "ratio", "wall us", "ratio"], rows)


def checkpoints(n: int, repeats: int, distances: list[str]) -> None:
    """Print CPU and wall seconds of the same epochs without checkpoints and with them at several distances.

    The order turns round from one repeat to the next, so that a machine that gets busier favours none.
    """
    start()
    from stages.core.images.packs import Statistics
    from stages.core.training import fitting
    from stages.core.training.checkpoints import Checkpoint
    from stages.core.training.data import Data
    from stages.core.training.session import Session

    item, data = quick(), Data(made(n, 1), made(n // 8, 2), None, CLASSES, Statistics([127.5] * 3, [5461.0] * 3))
    fit = item.fit.model_copy(update={"epochs": 12})
    found: dict[str, list[tuple[float, float, int]]] = {name: [] for name in distances}
    for repeat in range(repeats):
        for name in distances[:: -1 if repeat % 2 else 1]:
            with tempfile.TemporaryDirectory() as scratch:
                path = None if name == "none" else Path(scratch) / "kept"
                checkpoint = counting(Checkpoint)(path, DISTANCES[name])
                marks: list[tuple[float, float]] = []
                session = Session(noting(marks), "models.quick.fit", checkpoint)
                fitting.train(fitting.build(item.module("models"), item.options, fit, data), fit, data, session)
            (cpu, wall), (cpu_end, wall_end) = marks[0], marks[-1]
            found[name].append((cpu_end - cpu, wall_end - wall, checkpoint.n))
    base = [statistics.median(one[i] for one in found[distances[0]]) for i in (0, 1)]
    rows = []
    for name, all_of_it in found.items():
        cpu, wall, kept = (statistics.median(one[i] for one in all_of_it) for i in (0, 1, 2))
        rows.append([name, f"{kept:.0f}", f"{cpu:.1f}", f"{cpu / base[0]:.3f}", f"{wall:.1f}", f"{wall / base[1]:.3f}"])
    table(["a checkpoint", "written", "CPU s", "ratio", "wall s", "ratio"], rows)


def counting(kind: Any) -> Any:
    """A kind of checkpoint that counts how often it is written."""

    class Counting(kind):
        n = 0

        def write(self, state: Any) -> None:
            self.n += self.path is not None
            super().write(state)

    return Counting


def noting(marks: list[tuple[float, float]]) -> Callable[..., None]:
    """Return a listener that notes CPU and wall seconds at the end of each epoch."""

    def note(*_: Any) -> None:
        marks.append((cpu_seconds(), time.perf_counter()))

    return note


def rates(data: Any, n: int) -> tuple[float, float]:
    """Images a CPU second and a wall second of one pass over a tf.data.Dataset."""
    cpu, wall = cpu_seconds(), time.perf_counter()
    for _ in data:
        pass
    return n / (cpu_seconds() - cpu), n / (time.perf_counter() - wall)


def packed(files: list[Path], folder: Path) -> Any:
    """Decode JPEG files of one size into a memory map."""
    import simplejpeg

    from stages.core.images.packs import Pack

    first = simplejpeg.decode_jpeg(files[0].read_bytes())
    images = np.lib.format.open_memmap(folder / "train.npy", "w+", np.uint8, (len(files), *first.shape))
    for i, file in enumerate(files):
        images[i] = simplejpeg.decode_jpeg(file.read_bytes())
    images.flush()
    names = sorted({file.parent.name for file in files})
    labels = np.array([names.index(file.parent.name) for file in files])
    return Pack(np.load(folder / "train.npy", mmap_mode="r"), labels, [file.name for file in files])


def input_speed(folder: str) -> None:
    """Print images/s at batch 32, warm, beside Keras' way to read a folder."""
    start()
    import keras

    from stages.core.training.batches import TrainBatches, stream

    files = sorted(Path(folder).glob("*/*.jpg"))
    item = quick()
    turned = item.fit.augment.model_copy(update={"flip": "dihedral", "shift": 0.0625})
    with tempfile.TemporaryDirectory() as scratch:
        pack = packed(files, Path(scratch))
        side = pack.images.shape[1:3]
        keras_way = keras.utils.image_dataset_from_directory(folder, image_size=side, batch_size=32, verbose=False)
        plain = item.fit.model_copy(update={"batch_size": 32})
        ways = {
            "image_dataset_from_directory": keras_way,
            "ours": stream(TrainBatches(pack, 10, plain)),
            "ours, eight views and shift": stream(TrainBatches(pack, 10, plain.model_copy(update={"augment": turned}))),
        }
        runs = [{name: rates(data, len(files)) for name, data in ways.items()} for _ in range(REPEATS)]
    speeds = {name: [statistics.median(run[name][i] for run in runs) for i in (0, 1)] for name in ways}
    base = next(iter(speeds.values()))
    rows = [
        [name, f"{cpu:,.0f}", f"{cpu / base[0]:.1f}", f"{wall:,.0f}", f"{wall / base[1]:.1f}"]
        for name, (cpu, wall) in speeds.items()
    ]
    table(["input", "images a CPU s", "ratio", "images/s", "ratio"], rows)


def startup() -> None:
    """Print CPU and wall seconds until the first network is built, beside importing TensorFlow alone."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch, "project")
        shutil.copytree(PROJECT, root, ignore=shutil.ignore_patterns(".*", "data", "reports", "mlruns", "*.db"))
        (root / ".dvc").mkdir()
        for node in ("download", "validate", "normalize"):
            subprocess.run([sys.executable, "-m", "stages", node], cwd=root, check=True, capture_output=True)
        codes = {
            "import tensorflow": "import os, tensorflow; print(sum(os.times()[:2]))",
            "train, up to its first network": STARTUP.format(root=str(root)),
        }
        runs = [{name: started(code, root) for name, code in codes.items()} for _ in range(REPEATS + 1)][1:]
    rows = []
    base = [statistics.median(run["import tensorflow"][i] for run in runs) for i in (0, 1)]
    for name in codes:
        cpu, wall = (statistics.median(run[name][i] for run in runs) for i in (0, 1))
        rows.append([name, f"{cpu:.2f}", f"{cpu / base[0]:.2f}", f"{wall:.2f}", f"{wall / base[1]:.2f}"])
    table(["start-up", "CPU s", "ratio", "wall s", "ratio"], rows)


def started(code: str, root: Path) -> tuple[float, float]:
    """CPU and wall seconds of a fresh Python."""
    began = time.perf_counter()
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return float(done.stdout.split()[-1]), time.perf_counter() - began


def status(field: str) -> int:
    """A field of this process' status, MB."""
    return int(Path("/proc/self/status").read_text().split(f"{field}:")[1].split()[0]) // 1024


def chill(path: Path) -> None:
    """Drop a file from the page cache."""
    with path.open("rb") as stream:
        os.fsync(stream.fileno())
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def one_epoch(path: Path, block: int, most: int | None) -> tuple[int, int, float]:
    """Anonymous MB before, the most during, and images/s of an epoch (or of `most` images) over a cold map."""
    from stages.core.images.packs import Pack
    from stages.core.training.batches import TrainBatches, stream

    images = np.load(path, mmap_mode="r")
    fit = quick().fit.model_copy(update={"shuffle_block": block})
    before = status("RssAnon")
    pack = Pack(images, np.zeros(len(images), np.int64), [])
    data, peak, seen = stream(TrainBatches(pack, 10, fit)), 0, 0
    chill(path)
    began = time.perf_counter()
    for number, (batch, *_) in enumerate(data):
        seen += len(batch)
        peak = max(peak, status("RssAnon")) if number % 64 == 0 else peak
        if most and seen >= most:
            break
    return before, peak, seen / (time.perf_counter() - began)


def measure(path: str, block: str, most: str) -> None:
    """Measure one epoch in this process, and print its numbers."""
    start()
    before, peak, speed = one_epoch(Path(path), int(block), int(most) or None)
    print(before, peak, status("VmHWM"), speed)


def memory(n: int) -> None:
    """Print the memory of reading an epoch, and its cold speed, at n and 10 n images, single and in blocks."""
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for times in (1, 10):
            path = Path(scratch, f"{times}.npy")
            images = np.lib.format.open_memmap(path, "w+", np.uint8, (times * n, *SHAPE))
            for at in range(0, times * n, n):
                images[at : at + n] = np.random.default_rng(at).integers(0, 256, (n, *SHAPE), dtype=np.uint8)
            images.flush()
            del images
            for block, most in ((1, 2000), (512, 0)):
                command = [sys.executable, __file__, "measure", str(path), str(block), str(most)]
                done = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True)
                before, peak, whole, speed = map(float, done.stdout.split()[-4:])
                size = path.stat().st_size / 1e9
                rows.append(
                    [
                        f"{times * n:,} ({size:.2f} GB)",
                        str(block),
                        f"{peak - before:+.0f}",
                        f"{whole:.0f}",
                        f"{speed:,.0f}",
                    ]
                )
    table(
        [
            "images",
            "shuffle_block",
            "anonymous MB more than TensorFlow alone",
            "peak resident MB, pages of the map included",
            "cold images/s",
        ],
        rows,
    )


def main() -> None:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("loop").add_argument("-n", type=int, default=12_800)
    commands.add_parser("input").add_argument("folder")
    commands.add_parser("startup")
    kept = commands.add_parser("checkpoints")
    kept.add_argument("-n", type=int, default=12_800)
    kept.add_argument("--repeats", type=int, default=REPEATS)
    kept.add_argument("--distances", nargs="+", choices=DISTANCES, default=list(DISTANCES))
    commands.add_parser("memory").add_argument("-n", type=int, default=27_000)
    inner = commands.add_parser("measure")
    for name in ("path", "block", "most"):
        inner.add_argument(name)
    chosen = vars(parser.parse_args())
    runs: dict[str, Callable[..., None]] = {
        "loop": loop,
        "input": input_speed,
        "startup": startup,
        "memory": memory,
        "checkpoints": checkpoints,
        "measure": measure,
    }
    runs[chosen.pop("command")](**chosen)


if __name__ == "__main__":
    main()
