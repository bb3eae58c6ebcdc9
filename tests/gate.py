"""A small set of real images, and the gate's own path over it with the options of params.yaml."""

import io
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image

from stages.core.gate.draft import compact, write_rows
from stages.core.gate.findings import Finding
from stages.core.gate.gating import Inspection, inspect, subject_of
from stages.core.gate.measuring import SIDE, measured
from stages.core.gate.promises import Subject
from stages.core.ingest.source import Member, Source, write_source
from stages.core.layout import PROJECT
from stages.core.settings.entries import Entry
from stages.core.settings.options import Split
from stages.core.settings.params import Params, load

LABELS = ("ash", "elm", "oak")
SIZE = 48  # pixels
CRITICAL = ("readable", "labelled", "enough", "balanced", "no_leaks", "no_conflicts")


def picture(label: int, number: int, seed: int = 1) -> np.ndarray:
    """One textured picture uint8 [48, 48, 3]: clouds of its own, a light spot where its class has it, and grain."""
    rng = np.random.default_rng([seed, label, number])
    clouds = cv2.resize(rng.normal(0, 1, (6, 6, 3)), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[:SIZE, :SIZE]
    at_y, at_x = ((12, 12), (12, 36), (36, 24))[label % 3]
    spot = np.exp(-((y - at_y) ** 2 + (x - at_x) ** 2) / 60)[..., None]
    grain = rng.normal(0, 1, (SIZE, SIZE, 1))
    return np.clip(110 + 25 * clouds + 70 * spot + 12 * grain, 0, 255).astype(np.uint8)


def encoded(pixels: np.ndarray, kind: str = "jpeg", **options: object) -> bytes:
    """The bytes of an image file."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **({"quality": 90} if kind == "jpeg" else {}) | options)
    return stream.getvalue()


def jpeg(label: int, number: int, quality: int = 90) -> bytes:
    """A picture as JPEG."""
    return encoded(picture(label, number), quality=quality)


@cache
def made(n_each: int) -> dict[str, bytes]:
    return {f"{name}/{i:03}.jpg": jpeg(label, i) for label, name in enumerate(LABELS) for i in range(n_each)}


def clean(n_each: int = 20) -> dict[str, bytes]:
    """Files of a set in which no check finds anything: three classes."""
    return dict(made(n_each))


def members(files: dict[str, bytes]) -> list[Member]:
    """The files on their way into a source."""
    return [Member(name, lambda data=data: data) for name, data in files.items()]


@cache
def shipped() -> Params:
    """params.yaml as it is in the project."""
    return load(PROJECT / "params.yaml")


def measured_set(folder: Path, source: dict[str, bytes] | Source, seed: int = 1) -> tuple[pd.DataFrame, np.ndarray]:
    """Pack and measure a set: its rows as `compact` gives them, and its thumbnails."""
    source = source if isinstance(source, Source) else Source({}, members(source))
    write_source(folder / "images.zip", source)
    write_rows(folder / "rows.parquet", measured(folder / "images.zip"), folder / "thumbnails")
    images = compact(folder / "rows.parquet", seed)
    return images, np.fromfile(folder / "thumbnails", np.uint8).reshape(len(images), SIDE, SIDE, 3)


def split_of(**changes: object) -> Split:
    """`split` of params.yaml with other options; without the search for near copies, which takes seconds."""
    return shipped().tree.split.model_copy(update={"near_copies": None, **changes})


def subject(folder: Path, source: dict[str, bytes] | Source, **split: object) -> Subject:
    """Pack, measure and divide a set; keyword arguments replace options of `split_of`."""
    images, thumbnails = measured_set(folder, source)
    return subject_of(images, thumbnails, split_of(**split))


def checks(*names: str, **options: object) -> dict[str, Entry]:
    """Entries of `checks` by name, all without any; keyword arguments replace options of all of them."""
    entries = shipped().checks
    return {
        name: Entry(name, name, entries[name].options.model_copy(update=options), None, {}) for name in names or entries
    }


def inspected(folder: Path, source: dict[str, bytes] | Source, check: str, **split: object) -> Inspection:
    """What one check finds in a set, in which no other check finds anything critical."""
    found = inspect(subject(folder, source, **split), checks(*dict.fromkeys((check, *CRITICAL))))
    others = [
        item for item in found.findings if not item.passed and item.check != check and item.severity == "critical"
    ]
    assert others == []
    return found


def broken(found: Inspection, check: str) -> list[Finding]:
    """Promises of a check that do not hold."""
    return [finding for finding in found.findings if finding.check == check and not finding.passed]


def one(found: Inspection, check: str) -> Finding:
    """The one promise of a check that does not hold."""
    (only,) = broken(found, check)
    return only


def offenders(found: Inspection, check: str) -> list[str]:
    """Paths of the images that break a check."""
    return sorted(found.offenders[check]["path"]) if check in found.offenders else []
