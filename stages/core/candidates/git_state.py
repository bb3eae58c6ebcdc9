"""What git says of the checkout that something was made in: its commit, and how the files differ from it."""

import re
import subprocess
from pathlib import Path
from typing import Any

from stages.core.files import text_digest
from stages.core.ingest.fetch import shown

GENERATED = ("dvc.lock", ".gitignore", "data/", "reports/")
MOST_DIFF = 100_000  # characters that are kept; the hash is of all
URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>]+")
PLAIN = ("--no-color", "--no-ext-diff", "--no-textconv")


def git(root: Path, *args: str) -> str:
    """Output of a git command; empty where there is no git or no commit."""
    command = ["git", "-C", str(root), "-c", "core.quotepath=off", *args]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.rstrip("\n") if done.returncode == 0 else ""


def git_state(root: Path) -> dict[str, Any]:
    """Commit, the files that differ from it, and how: `diff` is none where nothing does."""
    dirty = dirty_files(root)
    return {"commit": git(root, "rev-parse", "HEAD"), "dirty_files": dirty, "diff": diff(root, dirty)}


def dirty_files(root: Path) -> list[str]:
    """Files that differ from the commit, besides what DVC itself writes during a run; code that git doesn't know."""
    lines = git(root, "status", "--porcelain", "--untracked-files=no").splitlines()
    lines += [line for line in untracked(root) if line.endswith(".py")]
    prefix = git(root, "rev-parse", "--show-prefix")  # git names files from the top of the repository
    names = [line[3:].removeprefix(prefix) for line in lines if line[3:].startswith(prefix)]
    return [name for name in names if not name.startswith(GENERATED) and not name.endswith(GENERATED[:2])]


def untracked(root: Path) -> list[str]:
    """Lines of `git status` for what it does not know below stages/."""
    found = git(root, "status", "--porcelain", "--untracked-files=all", "--", "stages").splitlines()
    return [line for line in found if line.startswith("??")]


def diff(root: Path, dirty: list[str]) -> dict[str, Any] | None:
    """The difference of these files to the commit: its beginning as text, length and hash; None without any."""
    text = without_secrets(git(root, "diff", *PLAIN, "HEAD", "--", *dirty)) if dirty else ""
    if not text:
        return None
    return {"sha256": text_digest(text), "n_characters": len(text), "text": text[:MOST_DIFF]}


def without_secrets(text: str) -> str:
    """A text whose URLs hold neither user, password, query nor fragment."""

    def scrubbed(found: re.Match[str]) -> str:
        try:
            return shown(found[0])
        except ValueError:  # not really a URL
            return found[0].partition("://")[0] + "://..."

    return URL.sub(scrubbed, text)
