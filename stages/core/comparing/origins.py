"""What made one candidate and not the other: params, data, code and environment, from records alone."""

from dataclasses import dataclass
from typing import Any

from stages.core.comparing.sides import Side
from stages.core.tracking.trails import flattened

PARAMS, DATA, CODE, ENVIRONMENT = "params", "data", "code", "environment"
GROUPS = (PARAMS, DATA, CODE, ENVIRONMENT)
OF_RUN = ("python", "packages", "processor", "gpus", "devices", "system", "host", "commit", "dirty_files", "experiment")
NOT_THERE = "–"


@dataclass(frozen=True)
class Origin:
    """One thing that differs, by its group and name, as A and as B have it."""

    group: str
    name: str
    a: str
    b: str


def origins(a: Side, b: Side, packages: tuple[dict[str, str], dict[str, str]] | None) -> list[Origin]:
    """Everything that differs. packages: versions that each side's lock file pins, None where one can't be had."""
    records = (a.record, b.record)
    found = [
        *differing(PARAMS, *({"stage": one["stage"], "kind": "", **one["params"]} for one in records)),
        *differing(DATA, *({"classes": one["classes"], **one["inputs"]} for one in records)),
        *differing(CODE, *(one["code"] for one in records)),
        *differing(ENVIRONMENT, *({"lock_sha256": one["lock_sha256"]} for one in records)),
    ]
    if packages:
        found += differing(ENVIRONMENT, *({f"locked {name}": pin for name, pin in one.items()} for one in packages))
    if a.run and b.run:
        found += differing(
            ENVIRONMENT, *({name: one.run[name] for name in OF_RUN if name in one.run} for one in (a, b))
        )
    return found


def differing(group: str, a: dict[str, Any], b: dict[str, Any]) -> list[Origin]:
    """What two trees of values have different, by dotted name in the order of the first."""
    left, right = flattened(a), flattened(b)
    names = [*left, *(name for name in right if name not in left)]
    return [
        Origin(group, name, said(left.get(name, NOT_THERE)), said(right.get(name, NOT_THERE)))
        for name in names
        if left.get(name, NOT_THERE) != right.get(name, NOT_THERE)
    ]


def said(value: Any) -> str:
    """A value for people: hashes by their beginning."""
    text = "null" if value is None else str(value)
    is_hash = len(text) in (32, 40, 64) and set(text) <= set("0123456789abcdef")
    return f"{text[:12]}…" if is_hash else text


def by_group(found: list[Origin]) -> dict[str, list[Origin]]:
    """The differences of each group, also of those without any."""
    return {group: [one for one in found if one.group == group] for group in GROUPS}


def unknown(a: Side, b: Side) -> list[str]:
    """Sentences on what can't be told, because it was not noted on this machine."""
    return [
        f"{one.called}: what it ran on was not noted on this machine" for one in (a, b) if "packages" not in one.run
    ]
