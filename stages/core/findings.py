"""What a check says: findings, their severity, and the verdict over all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

Severity = Literal["critical", "warning", "info"]
Explain = Callable[[pd.DataFrame, Any], str]
N_EXAMPLES = 12


@dataclass(frozen=True)
class Promise:
    """One promise of the data: in words, as Great Expectations looks for it, and how to say that it isn't so.

    `explain(bad, observed)` gets the manifest rows that break it (none for a measure of the whole) and the
    value observed, and returns a sentence with numbers.
    """

    text: str
    expectation: Any
    severity: Severity
    limit: Any
    explain: Explain


@dataclass(frozen=True)
class Finding:
    """The outcome of one promise; `examples` are paths in the source."""

    check: str
    severity: Severity
    passed: bool
    observed: Any
    limit: Any
    message: str
    examples: list[str]


def verdict(findings: list[Finding]) -> str:
    """Return 'fail' on a broken critical promise, 'warn' on a broken warning, else 'pass'."""
    broken = {finding.severity for finding in findings if not finding.passed}
    return "fail" if "critical" in broken else "warn" if "warning" in broken else "pass"
