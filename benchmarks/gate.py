"""How fast the data gate is, against decoding alone: python benchmarks/gate.py ARCHIVE [N]

Runs `validate` on N and on 3 N images of an archive, and the bare decoder on the same images, with the same number of
processes. What grows with the images is (time of 3 N - time of N) / 2 N; what does not is the start-up.
"""

import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from stages.core.archive import Member, archive_members, write_zip
from stages.core.layout import PROJECT, Layout
from stages.core.manifest import CHUNK, mapped
from stages.core.params import open_project

REPEATS = 3


def decode_only(task: tuple[Path, list[str]]) -> int:
    """Decode some members and keep nothing; runs in a worker."""
    import simplejpeg

    archive, names = task
    with zipfile.ZipFile(archive) as source:
        for name in names:
            simplejpeg.decode_jpeg(source.read(name))
    return len(names)


def prepared(folder: Path, members: list[Member]) -> Layout:
    """Make a project of its own with these images as its source."""
    layout = Layout(folder)
    layout.source.mkdir(parents=True)
    shutil.copy(PROJECT / "params.yaml", folder)
    write_zip(layout.archive, members)
    return layout


def seconds_of_gate(layout: Layout) -> float:
    """Wall seconds of the whole node, start-up included: the best of some runs."""
    code = f"from pathlib import Path; from stages.validate import main; main(Path({str(layout.root)!r}))"
    return min(
        timed(lambda: subprocess.run([sys.executable, "-c", code], check=False, capture_output=True))
        for _ in range(REPEATS)
    )


def seconds_of_decoder(layout: Layout) -> float:
    """Wall seconds of decoding all images in worker processes: the best of some runs."""
    with zipfile.ZipFile(layout.archive) as source:
        names = source.namelist()
    size = max(CHUNK, len(names) // 8)  # few tasks, so that opening the archive is not what is measured
    tasks = [(layout.archive, names[at : at + size]) for at in range(0, len(names), size)]
    return min(timed(lambda: list(mapped(decode_only, tasks, 10**9))) for _ in range(REPEATS))


def timed(work: object) -> float:
    """Wall seconds of a call."""
    started = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - started


def main(archive: str, n: int = 9000) -> None:
    """Print both rates and their ratio."""
    members = list(archive_members(Path(archive), open_project()[0].tree.download))
    members = members[:: max(1, len(members) // (3 * n))][: 3 * n]
    with tempfile.TemporaryDirectory() as folder:
        small, large = prepared(Path(folder, "n"), members[::3]), prepared(Path(folder, "3n"), members)
        grown = len(members) - len(members[::3])
        gate = [seconds_of_gate(small), seconds_of_gate(large)]
        bare = [seconds_of_decoder(small), seconds_of_decoder(large)]
    rate, limit = grown / (gate[1] - gate[0]), grown / (bare[1] - bare[0])
    print(f"gate     {gate[0]:.2f} s for N, {gate[1]:.2f} s for 3 N = {len(members):,}: {rate:,.0f} images/s more")
    print(f"decoder  {bare[0]:.2f} s and {bare[1]:.2f} s: {limit:,.0f} images/s more")
    print(f"ratio {rate / limit:.2f}; start-up of the gate {gate[0] - len(members[::3]) / rate:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
