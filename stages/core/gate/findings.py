"""What checks say: findings, how bad they are, and the verdict over all of them."""

from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["critical", "warning", "info"]
SEVERITIES = ("critical", "warning", "info")  # the worst first
N_EXAMPLES = 12


@dataclass(frozen=True)
class Finding:
    """The outcome of one promise; `examples` are paths in the source; `remedy` is what params.yaml can do about it."""

    check: str
    severity: Severity
    passed: bool
    observed: Any
    limit: Any
    message: str
    examples: list[str] = field(default_factory=list)
    remedy: str = ""


def verdict(findings: list[Finding]) -> str:
    """Return 'fail' on a broken critical promise, 'warn' on a broken warning, else 'pass'."""
    broken = {finding.severity for finding in findings if not finding.passed}
    return "fail" if "critical" in broken else "warn" if "warning" in broken else "pass"
