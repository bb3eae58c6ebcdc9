"""requirements.lock as data: what it pins for this system, with the hashes that it admits."""

import re
from dataclasses import dataclass
from pathlib import Path

PINNED = re.compile(
    r"^([\w.-]+)==([^\s;\\]+)[ \t]*(?:;[ \t]*([^\\\n]+?))?[ \t]*\\?$((?:\n[ \t]+--hash=\S+.*)*)", re.MULTILINE
)
ADDITIONS = ("requirements-gpu.lock", "requirements-test.lock")  # on top of requirements.lock, in its folder
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Pin:
    """One locked package: its version, and the SHA-256 of every file of it that may be installed."""

    name: str
    version: str
    hashes: tuple[str, ...]


def normalized(name: str) -> str:
    """The one spelling of a package's name, as the Python index compares them (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lock: Path) -> dict[str, Pin]:
    """Return what is pinned for this Python and system, by normalized name."""
    found = PINNED.findall(lock.read_text(encoding="utf-8"))
    return {
        normalized(name): Pin(name, version, tuple(sorted(HASH.findall(hashes))))
        for name, version, marker, hashes in found
        if not marker or applies(marker)
    }


def additional_pins(lock: Path) -> dict[str, Pin]:
    """Return what is pinned on top of a lock file, for CUDA and for tests: it may be installed, and need not be."""
    paths = [path for name in ADDITIONS if (path := lock.with_name(name)).is_file() and path != lock]
    return {name: pin for path in paths for name, pin in pins(path).items()}


def applies(marker: str) -> bool:
    """Whether a pin is meant for this Python and system."""
    from packaging.markers import Marker

    return Marker(marker.strip()).evaluate()
