"""What checks say: findings, how bad they are, and the verdict over all of them."""

from dataclasses import dataclass, field
from typing import Any, Literal

from stages.core.files import listed

Severity = Literal["critical", "warning", "info"]
SEVERITIES = ("critical", "warning", "info")  # the worst first
N_EXAMPLES = 12


@dataclass(frozen=True)
class Finding:
    """The outcome of one promise; `examples` are paths in the source; `remedy` is what params.yaml can do about it;
    untold: it names too much of the set to be trusted.

    found, allowed: observed value and limit in one unit, for people. captions: what is said below each example.
    """

    check: str
    severity: Severity
    passed: bool
    observed: Any
    limit: Any
    message: str
    examples: list[str] = field(default_factory=list)
    remedy: str = ""
    untold: bool = False
    found: str = ""
    allowed: str = ""
    captions: list[str] = field(default_factory=list)


def verdict(findings: list[Finding]) -> str:
    """Return 'fail' on a broken critical promise, 'warn' on a broken warning, else 'pass'."""
    broken = {finding.severity for finding in findings if not finding.passed}
    return "fail" if "critical" in broken else "warn" if "warning" in broken else "pass"


def folders_without_images(left_out: dict[str, Any]) -> list[Finding]:
    """A warning of the folders that hold no image: one may be a class in a format that nothing here reads."""
    folders = left_out.get("without_images", {})
    if not folders:
        return []
    each = listed(f"{folder} ({n:,} file{'s' * (n != 1)})" for folder, n in folders.items())
    kinds = ", ".join(left_out.get("left_out", {}))
    many = len(folders) != 1
    message = f"{len(folders):,} folder{'s' * many} hold{'s' * (not many)} no image: {each}; if one is a class, "
    message += f"save its images as JPEG or PNG (left out, in all: {kinds})" if kinds else "add its images"
    return [Finding("readable", "warning", False, len(folders), 0, message)]
