"""New images from a folder or an archive, looked at as the gate does, read as a served model does; no labels."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.console import Bar
from stages.core.errors import UserError
from stages.core.gate.looks import looked, looks
from stages.core.gate.measuring import SIDE
from stages.core.images.decoding import NotAnImage, decode, fitted
from stages.core.ingest.archive import archive_members, folder_members
from stages.core.ingest.source import Member
from stages.core.parallel import CHUNK
from stages.core.settings.options import Download
from stages.core.training.reference import LOOKS, Sample, View, derived, evenly


@dataclass(frozen=True)
class Arrivals:
    """New images: names of the readable, what they look like, and why the others can't be read."""

    names: list[str]
    sample: Sample
    unreadable: dict[str, str]


@dataclass(frozen=True)
class Looked:
    """One image: its looks and uint8 [H, W, C] at the size of the model, or why it can't be read."""

    name: str
    looks: dict[str, float]
    pixels: np.ndarray | None
    error: str = ""


def members_of(place: Path, limits: Download, cache: Path) -> list[Member]:
    """Images of a folder or an archive, by name. Raises UserError when it is neither, or holds none."""
    if not place.exists():
        raise UserError(f"{place}: no such folder or archive; give the path of one that exists")
    found = folder_members(place) if place.is_dir() else archive_members(place, limits, cache)
    members = sorted(found, key=lambda member: member.name)
    if not members:
        raise UserError(f"{place} holds no image, by endings and first bytes of its files")
    return members


def chosen(members: list[Member], most: int) -> list[Member]:
    """Up to `most` of them, evenly spaced."""
    return [members[place] for place in evenly(len(members), most)]


def looked_at(members: list[Member], packing: dict[str, Any], view: View) -> Arrivals:
    """Decode, measure and predict, CHUNK images at a time. Raises UserError when not one can be read."""
    names: list[str] = []
    unreadable: dict[str, str] = {}
    columns, seen = [], []
    for chunk in chunks(members, packing):
        unreadable |= {one.name: one.error for one in chunk if one.pixels is None}
        good = [one for one in chunk if one.pixels is not None]
        names += [one.name for one in good]
        columns += [one.looks for one in good]
        if good:
            seen.append(view(np.stack([one.pixels for one in good if one.pixels is not None])))
    if not names:
        raise UserError(f"none of {len(members):,} images can be read, e.g. {members[0].name}: {first(unreadable)}")
    features, probabilities = (np.concatenate(parts) for parts in zip(*seen, strict=True))
    return Arrivals(names, Sample(tabulated(columns), features, probabilities), unreadable)


def first(reasons: dict[str, str]) -> str:
    """The first of some reasons."""
    return next(iter(reasons.values()))


def chunks(members: list[Member], packing: dict[str, Any]) -> Iterator[list[Looked]]:
    """Yield what `look` finds, in order: decoding runs on all cores, as its libraries leave Python's lock."""
    with Bar(len(members), "drift", "images") as bar, ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for at in range(0, len(members), CHUNK):
            done = []
            for one in pool.map(partial(look, packing=packing), members[at : at + CHUNK]):
                done.append(one)
                bar.update()
            yield done


def look(member: Member, packing: dict[str, Any]) -> Looked:
    """Read one image as training and serving do; an error is part of the answer."""
    try:
        data = member.read() if member.read else b""
        pixels = decode(data, packing["ranges"]).pixels
    except (NotAnImage, UserError, OSError) as error:
        return Looked(member.name, {}, None, str(error))
    height, width = pixels.shape[:2]
    found = {name: float(np.round(values[0], 3)) for name, values in looks([looked(pixels, SIDE)])[0].items()}
    found |= {"width": width, "height": height, "n_bytes": len(data)}
    return Looked(member.name, found, fitted(pixels, **packing["normalize"]))


def tabulated(rows: list[dict[str, float]]) -> dict[str, np.ndarray]:
    """Looks of images as columns float32 [N], under the names and in the order of LOOKS."""
    columns = {name: np.array([row[name] for row in rows], np.float64) for name in rows[0]}
    columns |= derived(columns)
    return {name: columns[name].astype(np.float32) for name in LOOKS}
