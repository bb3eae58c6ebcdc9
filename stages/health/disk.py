"""disk: there is room for another run where the project, its cache and temporary files lie."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from stages.core.doctor.findings import Finding, Patient, ok
from stages.core.files import human_bytes

LEAST = 500_000_000  # bytes: a small data set, its models, MLflow's copies of them
COPIES = 3  # of the data of a run: in data/, in DVC's cache, and half-written before it is renamed


def examine(patient: Patient) -> Iterator[Finding]:
    """Compare free bytes with a few times what the last run made."""
    root = patient.layout.root
    need = max(LEAST, COPIES * size(root / "data"))
    places = {"the project": root, "DVC's cache": root / ".dvc/cache", "temporary files": Path(tempfile.gettempdir())}
    said = set()
    for name, place in places.items():
        place = next(each for each in (place, *place.parents) if each.exists())  # noqa: PLW2901 - the nearest there is
        if place.stat().st_dev in said:
            continue
        said.add(place.stat().st_dev)
        free = shutil.disk_usage(place).free
        text = f"{human_bytes(free)} free for {name} ({place}); a run may take {human_bytes(need)}"
        yield ok(text) if free >= need else Finding("warning", text, "make room, or run `dvc gc --workspace`")


def size(folder: Path) -> int:
    """Bytes in a folder and below."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) if folder.exists() else 0
