"""Lines that name the hashes of the lines before them, so that none can be changed, taken out or moved unseen.

A line names every line that no other one names yet: one, or two after git has put the ends of two branches into one
file (`merge=union`). So a merged ledger is still whole, and the next line joins the branches.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FIELDS = {"kind", "time", "body", "previous", "hash"}


@dataclass(frozen=True)
class Line:
    """One entry: what kind it is, when it was made, what it says, and the hashes of the lines that it follows."""

    kind: str
    time: str
    body: dict[str, Any]
    previous: tuple[str, ...]
    hash: str

    @property
    def text(self) -> str:
        """The line as it stands in the file, without its end."""
        return compact(asdict(self))

    @property
    def right_hash(self) -> str:
        """The hash that this line should have."""
        return hash_of({"kind": self.kind, "time": self.time, "body": self.body, "previous": self.previous})


@dataclass(frozen=True)
class Chain:
    """A ledger as read: its lines, what is wrong with it, and the bytes of a last line that was never finished."""

    lines: list[Line]
    faults: list[str]
    torn: bytes = b""

    @property
    def hashes(self) -> set[str]:
        """Hashes of all lines."""
        return {line.hash for line in self.lines}


def compact(value: Any) -> str:
    """JSON on one line with sorted keys: equal values give equal text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def hash_of(said: dict[str, Any]) -> str:
    """SHA-256 of what a line says."""
    return hashlib.sha256(compact(said).encode()).hexdigest()


def made(kind: str, time: str, body: dict[str, Any], after: Iterable[Line]) -> Line:
    """Return the line that follows these."""
    said = {"kind": kind, "time": time, "body": json.loads(compact(body)), "previous": tuple(heads(after))}
    return Line(**said, hash=hash_of(said))


def heads(lines: Iterable[Line]) -> list[str]:
    """Hashes that no other line names, sorted: where the chain ends."""
    known = list(lines)
    named = {before for line in known for before in line.previous}
    return sorted({line.hash for line in known} - named)


def read_chain(path: Path) -> Chain:
    """Read a ledger; one that is not there is empty."""
    try:
        return parsed(path.read_bytes())
    except FileNotFoundError:
        return Chain([], [])


def parsed(data: bytes) -> Chain:
    """Read the bytes of a ledger and check its chain."""
    *whole, last = data.split(b"\n")
    lines, faults, torn = [], [], b""
    for number, text in enumerate(whole, 1):
        line = parsed_line(text)
        if line is None:
            faults.append(f"line {number} is no entry of a ledger")
        else:
            lines.append(line)
    if (line := parsed_line(last)) is not None:  # only its end was not written
        lines.append(line)
    elif last:
        torn = last
    return Chain(lines, faults + broken(lines), torn)


def parsed_line(text: bytes) -> Line | None:
    """Read one line; None for what is none."""
    try:
        said = json.loads(text)
        if not isinstance(said, dict) or set(said) != FIELDS or not isinstance(said["body"], dict):
            return None
        return Line(**{**said, "previous": tuple(said["previous"])})
    except (ValueError, TypeError):
        return None


def broken(lines: list[Line]) -> list[str]:
    """Say what is wrong: a line that was edited, and one whose predecessor is missing or stands after it."""
    faults, seen, every = [], set[str](), {line.hash for line in lines}
    for number, line in enumerate(lines, 1):
        where = f"line {number} ({named(line)})"
        if line.hash != line.right_hash:
            faults.append(f"{where} was edited: its content does not have its hash {line.hash[:12]}")
        for before in line.previous:
            if before not in every:
                faults.append(f"{where} follows line {before[:12]}, which is gone: removed or edited")
            elif before not in seen:
                faults.append(f"{where} stands before line {before[:12]}, which it follows: reordered")
        if not line.previous and number > 1 and line.hash not in seen:
            faults.append(f"{where} follows no line, and only the first may: inserted, or its predecessors removed")
        seen.add(line.hash)
    return faults


def named(line: Line) -> str:
    """A line for people: what it is and of whom."""
    return f"{line.kind} {line.body.get('candidate', '')}".strip()
