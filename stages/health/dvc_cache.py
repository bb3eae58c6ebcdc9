"""dvc_cache: what dvc.lock names lies whole in DVC's cache."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from stages.core.doctor.findings import Finding, Patient, ok
from stages.core.files import digest, human_bytes, listed, remove

OUT = re.compile(r"md5: (?P<md5>[0-9a-f]{32}(?:\.dir)?)\n\s+size: (?P<size>\d+)")


def examine(patient: Patient) -> Iterator[Finding]:
    """Compare sizes of the files that dvc.lock names; with --deep the hash of every object."""
    cache = patient.layout.main_checkout / ".dvc/cache/files/md5"
    lock = patient.layout.root / "dvc.lock"
    if not cache.exists() or not lock.exists():
        yield ok("nothing is cached yet")
        return
    named = dict(OUT.findall(lock.read_text(encoding="utf-8", errors="replace")))
    bad = [path for md5, size in named.items() if wrong_size(path := object_of(cache, md5), int(size))]
    if patient.deep:
        bad = sorted({*bad, *(path for path in cache.glob("??/*") if wrong_hash(path))})
    if bad:
        text = f"{len(bad)} objects in DVC's cache are damaged: {listed(path.parent.name + path.name for path in bad)}"
        advice = "--repair deletes them; `dvc pull` or `dvc repro` brings them back"
        yield Finding("broken", text, advice, partial(deleted, bad))
    else:
        how = "every object has its hash" if patient.deep else "sizes are right (--deep compares hashes)"
        yield ok(f"{how}; dvc.lock names {human_bytes(sum(map(int, named.values())))}")


def object_of(cache: Path, md5: str) -> Path:
    """Where DVC keeps the object with a hash."""
    return cache / md5[:2] / md5[2:]


def wrong_size(path: Path, size: int) -> bool:
    """Whether an object is there with another size than its file's; a folder's size is that of its files."""
    return path.exists() and (path.stat().st_size == 0 if path.suffix == ".dir" else path.stat().st_size != size)


def wrong_hash(path: Path) -> bool:
    """Whether an object's bytes are not those that its name tells."""
    return digest(path, "md5") != path.parent.name + path.name.removesuffix(".dir")


def deleted(paths: list[Path]) -> str:
    """Delete damaged objects: their name promises other bytes."""
    for path in paths:
        remove(path)
    return f"deleted {len(paths)} damaged objects; `dvc pull` or `dvc repro` brings them back"
