"""The packages that each side's lock file pins, where that file can still be had."""

import tempfile
from pathlib import Path

from stages.core.candidates.git_state import git
from stages.core.comparing.sides import Side
from stages.core.files import text_digest
from stages.core.governance.lock_file import pins
from stages.core.layout import Layout


def locked_packages(layout: Layout, a: Side, b: Side) -> tuple[dict[str, str], dict[str, str]] | None:
    """Versions by name for A and B; None where the files are equal, or one of them can't be had."""
    if a.record["lock_sha256"] == b.record["lock_sha256"]:
        return None
    found = [versions(layout, side) for side in (a, b)]
    return (found[0], found[1]) if found[0] and found[1] else None


def versions(layout: Layout, side: Side) -> dict[str, str]:
    """What the lock file that made a side pins; empty where none with its hash is in the checkout or its commit."""
    texts = [layout.lock.read_text(encoding="utf-8")] if layout.lock.exists() else []
    for revision in filter(None, (side.revision, side.run.get("commit"))):
        texts.append(git(layout.root, "show", f"{revision}:./{layout.lock.name}") + "\n")
    text = next((one for one in texts if text_digest(one) == side.record["lock_sha256"]), "")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lock"
        path.write_text(text, encoding="utf-8")
        return {name: pin.version for name, pin in pins(path).items()}
