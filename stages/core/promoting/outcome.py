"""What a gate says of a candidate."""

from dataclasses import asdict, dataclass, field
from typing import Any

PASS, FAIL, NONE = "pass", "FAIL", "none"
ROUNDING = 1e-12  # 0.95 - 0.9 is above 0.05: what just meets a limit meets it


@dataclass(frozen=True)
class Outcome:
    """A verdict (pass, FAIL, or none where nothing is asked), its reason in a sentence, and the numbers behind it."""

    verdict: str
    reason: str
    numbers: dict[str, Any] = field(default_factory=dict)

    def named(self, gate: str) -> dict[str, Any]:
        """Plain values, for the ledger."""
        return {"gate": gate, **asdict(self)}


def at_most(found: float, limit: float) -> bool:
    """Whether a number is within its limit."""
    return found <= limit + ROUNDING


def judged(good: bool, reason: str, **numbers: Any) -> Outcome:
    """Pass or FAIL."""
    return Outcome(PASS if good else FAIL, reason, numbers)


def not_asked(reason: str, **numbers: Any) -> Outcome:
    """Neither: no limit is set, or there is nobody to compare with."""
    return Outcome(NONE, reason, numbers)
