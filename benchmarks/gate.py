"""How fast the data gate is beside decoding alone, and what memory it takes.

    python benchmarks/gate.py rate ARCHIVE [N]     marginal images/s, all checks but the two that train a model
    python benchmarks/gate.py memory [N …]         peak memory of download, validate and normalize on N made images

`rate` runs `validate` on N and on 3 N images of an archive, and the bare decoder on the same images with as many
processes. What grows with the images is (time of 3 N - time of N) / 2 N; what does not is the start-up.
`memory` makes images of 16 x 16 pixels of smoothed noise in 10 classes, and runs every check.
"""

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from stages.core.ingest.source import Member, Source, opened_index, read_at, write_source
from stages.core.layout import PROJECT, Layout
from stages.core.parallel import CHUNK, mapped

REPEATS = 3
MODELS = ("label_noise", "no_shortcut")  # the checks that train a model
NODE = """
from pathlib import Path
from stages.{node} import main
main(Path({root!r}))
status = Path("/proc/self/status").read_text()  # ru_maxrss would begin with what this benchmark itself holds
print(int(status.split("VmHWM:")[1].split()[0]) // 1024)
"""


def decode_only(task: tuple[Path, Any]) -> int:
    """Decode some members and keep nothing; runs in a worker."""
    import simplejpeg

    archive, index = task
    for place in index.to_pylist():
        simplejpeg.decode_jpeg(read_at(archive, place["offset"], place["n_bytes"], place["crc32"]))
    return int(index.num_rows)


def prepared(folder: Path, members: Iterator[Member], dropped: tuple[str, ...] = ()) -> Layout:
    """Make a project of its own with these images as its source, without some checks."""
    layout, yaml = Layout(folder), YAML()
    layout.source.mkdir(parents=True)
    tree: Any = yaml.load(PROJECT / "params.yaml")
    for name in dropped:
        del tree["checks"][name]
    tree["normalize"] |= {"height": 16, "width": 16, "channels": "rgb"}
    yaml.dump(tree, layout.params)
    write_source(layout.archive, Source({}, members))
    return layout


def run_node(layout: Layout, node: str) -> tuple[int, int]:
    """Run a node; returns the peak resident memory of its process, and of all its processes together (PSS), MB."""
    code = NODE.format(node=node, root=str(layout.root))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    together = 0
    while process.poll() is None:
        together = max(together, proportional(process.pid))
        time.sleep(0.3)
    if process.returncode or not process.stdout:
        raise SystemExit(f"{node} ended with {process.returncode}")
    return int(process.stdout.read()), together


def proportional(pid: int) -> int:
    """Memory of a process and all below it, shared pages counted once, MB; 0 for what has just ended."""
    import psutil

    total = 0
    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(pid)
        for process in (parent, *parent.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().pss
    return total >> 20


def seconds_of_decoder(layout: Layout) -> float:
    """Wall seconds of decoding all images in worker processes: the best of some runs."""
    batches = list(opened_index(layout.archive).iter_batches(batch_size=CHUNK * 8))
    tasks = [(layout.archive, batch) for batch in batches]
    return min(timed(lambda: list(mapped(decode_only, tasks, 10**9))) for _ in range(REPEATS))


def timed(work: Callable[[], object]) -> float:
    """Wall seconds of a call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def rate(archive: str, n: str = "9000") -> None:
    """Print both rates and their ratio."""
    from stages.core.ingest.archive import archive_members
    from stages.core.settings.params import open_project

    params, layout = open_project()
    members = list(archive_members(Path(archive), params.tree.download, layout.root / ".dvc/tmp/fetched"))
    members = members[:: max(1, len(members) // (3 * int(n)))][: 3 * int(n)]
    with tempfile.TemporaryDirectory() as folder:
        small = prepared(Path(folder, "n"), iter(members[::3]), MODELS)
        large = prepared(Path(folder, "3n"), iter(members), MODELS)
        grown = len(members) - len(members[::3])
        gate = [min(timed(partial(run_node, at, "validate")) for _ in range(REPEATS)) for at in (small, large)]
        bare = [seconds_of_decoder(small), seconds_of_decoder(large)]
    fast, limit = grown / (gate[1] - gate[0]), grown / (bare[1] - bare[0])
    print(f"gate     {gate[0]:.2f} s for N, {gate[1]:.2f} s for 3 N = {len(members):,}: {fast:,.0f} images/s more")
    print(f"decoder  {bare[0]:.2f} s and {bare[1]:.2f} s: {limit:,.0f} images/s more")
    print(f"ratio {fast / limit:.2f}; start-up of the gate {gate[0] - len(members[::3]) / fast:.1f} s")


def picture(number: int) -> bytes:
    """A JPEG of 16 x 16 pixels of smoothed noise; every number another."""
    import cv2
    import simplejpeg

    noise = np.random.default_rng(number).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return bytes(simplejpeg.encode_jpeg(cv2.resize(noise, (16, 16), interpolation=cv2.INTER_CUBIC), quality=90))


def made(n: int) -> Iterator[Member]:
    """Yield n members of 10 classes."""
    return (Member(f"{i % 10}/{i:08d}.jpg", partial(picture, i)) for i in range(n))


def memory(*sizes: str) -> None:
    """Print peak memory and time of each node at each size."""
    for n in map(int, sizes or ("10000", "100000", "1000000")):
        with tempfile.TemporaryDirectory() as folder:
            layout = prepared(Path(folder), made(n))
            for node in ("validate", "normalize"):
                started = time.perf_counter()
                own, together = run_node(layout, node)
                seconds = time.perf_counter() - started
                print(f"{n:>9,} {node:<10} {own:>5} MB, with workers {together:>5} MB, {seconds:>6.0f} s", flush=True)


if __name__ == "__main__":
    {"rate": rate, "memory": memory}[sys.argv[1]](*sys.argv[2:])
