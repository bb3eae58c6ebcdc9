"""Which entries of params.yaml go when one is dropped, and when only some candidates are to stay."""

from collections.abc import Iterator
from typing import Any

from stages.core.errors import UserError, did_you_mean
from stages.core.settings.entries import FEATURES
from stages.core.settings.params import COMBINED, TUNED

Place = tuple[str, str]  # section and entry


def places_by_name(written: dict[str, Any]) -> dict[str, Place]:
    """Return what can be dropped, by the names of the leaderboard and by section.entry."""
    found: dict[str, Place] = {}
    for section, ending in (("backbones", ""), ("combine", COMBINED), ("tune", TUNED), ("models", "")):
        for name in written.get(section) or {}:
            found |= {name + ending: (section, name), f"{section}.{name}": (section, name)}
    return found


def find_place(written: dict[str, Any], name: str) -> Place:
    """Return the section and entry that a name means. Raises UserError when there is none."""
    places = places_by_name(written)
    if name not in places:
        raise UserError(f"params.yaml has no entry {name!r} to drop or keep; {did_you_mean(name, places)}")
    return places[name]


def needs(written: dict[str, Any], place: Place) -> list[Place]:
    """Return the entries that one refers to: a search its entry, a combination its members, a model its backbone."""
    section, name = place
    entry = written[section][name]
    if section == "tune":
        return [("models", name)]
    if section == "combine":
        places = places_by_name(written)
        return [places[member] for member in entry["members"] if member in places]
    backbone = str(entry.get("input", "")).removeprefix(FEATURES) if section == "models" else ""
    return [("backbones", backbone)] if backbone in (written.get("backbones") or {}) else []


def dropped_with(written: dict[str, Any], names: list[str]) -> list[Place]:
    """Return the places to drop: those named, and all that refer to them, directly or not. Raises UserError."""
    gone = {find_place(written, name) for name in names}
    everything = list(all_places(written))
    while more := {place for place in everything if place not in gone and gone & set(needs(written, place))}:
        gone |= more
    return [place for place in everything if place in gone]


def dropped_but(written: dict[str, Any], names: list[str]) -> list[Place]:
    """Return the places to drop so that only these candidates, and what they need, stay. Raises UserError."""
    kept, waiting = set(), [find_place(written, name) for name in names]
    while waiting:
        place = waiting.pop()
        kept.add(place)
        waiting += [other for other in needs(written, place) if other not in kept]
    return [place for place in all_places(written) if place not in kept]


def all_places(written: dict[str, Any]) -> Iterator[Place]:
    """Yield every entry that can be dropped, what refers to others first."""
    for section in ("combine", "tune", "models", "backbones"):
        yield from ((section, name) for name in written.get(section) or {})
