"""dvc_locks: no lock of DVC's is held in the name of a process that is gone."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from stages.core.doctor.findings import Finding, Patient, ok
from stages.core.files import listed, write_text


def examine(patient: Patient) -> Iterator[Finding]:
    """Read .dvc/tmp/rwlock: who reads or writes which path."""
    path = patient.layout.main_checkout / ".dvc/tmp/rwlock"
    try:
        held = json.loads(path.read_text(encoding="utf-8") or "{}") if path.exists() else {}
    except ValueError:
        text = ".dvc/tmp/rwlock is damaged, so no DVC command works"
        yield Finding("broken", text, "--repair empties it, if no dvc runs", partial(emptied, path))
        return
    owners = {int(one["pid"]): str(one.get("cmd", "")) for one in holders(held)}
    dead = [pid for pid in owners if Path("/proc/self").exists() and not Path(f"/proc/{pid}").exists()]
    for pid in owners.keys() - set(dead):
        yield ok(f"DVC works in process {pid}: {owners[pid][:80]}")
    if dead:
        text = f"DVC's locks name processes that are gone: {listed(map(str, dead))}"
        yield Finding("warning", text, "--repair lets go of them", partial(released, path, set(dead)))
    if not owners:
        yield ok("DVC holds no lock")


def holders(held: dict[str, Any]) -> list[dict[str, Any]]:
    """Every process named in DVC's lock file: `write` holds one, `read` a list."""
    named = [one for each in held.values() for one in (each.get("write"), each.get("read"))]
    flat = [one for each in named for one in (each if isinstance(each, list) else [each])]
    return [one for one in flat if one and "pid" in one]


def released(path: Path, dead: set[int]) -> str:
    """Take the dead out of the lock file."""
    held = json.loads(path.read_text(encoding="utf-8"))
    kept: dict[str, Any] = {}
    for place, each in held.items():
        readers = [one for one in each.get("read", []) if int(one["pid"]) not in dead]
        writer = each.get("write")
        still = {"read": readers} if readers else {}
        still |= {"write": writer} if writer and int(writer["pid"]) not in dead else {}
        kept |= {place: still} if still else {}
    write_text(path, json.dumps(kept))
    return f"let go of the locks of {len(dead)} processes that are gone"


def emptied(path: Path) -> str:
    """Empty the lock file."""
    write_text(path, "{}")
    return "emptied .dvc/tmp/rwlock"
