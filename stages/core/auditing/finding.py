"""What a link of the chain finds: what agrees, what does not, and what can't be told here."""

from dataclasses import dataclass, field
from typing import Any

OK, ALARM, UNKNOWN = "ok", "ALARM", "unknown"
MOST_SHOWN = 60


class Unknown(Exception):
    """What can't be checked here; the message says why. It is no sign of anything, and never counted as right."""


@dataclass
class Found:
    """What one link has found so far."""

    alarms: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    n_agreed: int = 0

    def same(self, what: str, expected: Any, got: Any) -> bool:
        """Hold two values against each other."""
        if expected == got:
            self.n_agreed += 1
            return True
        self.alarms.append(f"{what}: expected {shown(expected)}, got {shown(got)}")
        return False

    def alarm(self, what: str) -> None:
        """Something disagrees."""
        self.alarms.append(what)


@dataclass(frozen=True)
class Verdict:
    """What became of a link: ok, ALARM or unknown, with sentences."""

    link: str
    verdict: str
    said: list[str]
    notes: list[str]


def verdict(link: str, found: Found, agreed: str) -> Verdict:
    """Sum up. A link with an alarm is one, whatever else agrees; one that could not look at all is unknown."""
    if found.alarms:
        return Verdict(link, ALARM, found.alarms, [*found.unknown, *found.notes])
    if found.unknown:
        return Verdict(link, UNKNOWN, found.unknown, found.notes)
    return Verdict(link, OK, [agreed], found.notes)


def shown(value: Any) -> str:
    """A value for people: hashes by their beginning, long texts cut."""
    text = str(value)
    if len(text) in (32, 40, 64) and set(text) <= set("0123456789abcdef"):
        return f"{text[:12]}…"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
