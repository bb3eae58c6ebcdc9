"""repository: git can say which code made a result, and dvc.lock is whole."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from stages.core.doctor.findings import Finding, Patient, ok
from stages.core.files import listed

CONFLICT = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)
WRITTEN = ("dvc.lock", ".gitignore", "data/", "reports/")  # by DVC during a run


def examine(patient: Patient) -> Iterator[Finding]:
    """Look at the repository, its head, what differs from it, and the merge markers in what DVC reads."""
    root = patient.layout.root
    for name in ("dvc.lock", "dvc.yaml", "params.yaml"):
        path = root / name
        if path.exists() and CONFLICT.search(path.read_text(encoding="utf-8", errors="replace")):
            remedy = "take either side and run `dvc repro`" if name == "dvc.lock" else "resolve it by hand"
            yield Finding("broken", f"{name} holds the markers of a merge conflict", remedy)
    code = git(root, "rev-parse", "--is-inside-work-tree")[0]
    if code:
        reason = "git is not installed" if code == 127 else "this is no git repository"
        yield Finding("broken", f"{reason}: no run can name its commit", "run `git init`, and commit")
        return
    yield from head(root)


def head(root: Path) -> Iterator[Finding]:
    """The commit, the branch, and what differs from it."""
    code, commit = git(root, "rev-parse", "--short", "HEAD")
    if code:
        yield Finding("broken", "there is no commit yet: no run can name one", "run `git add -A && git commit`")
        return
    code, branch = git(root, "symbolic-ref", "--short", "HEAD")
    if code:
        yield Finding("warning", f"HEAD is detached at {commit}", "`git switch -c NAME` keeps what you commit here")
    prefix = git(root, "rev-parse", "--show-prefix")[1]
    lines = git(root, "status", "--porcelain", "--untracked-files=no")[1].splitlines()
    changed = [line[3:].removeprefix(prefix) for line in lines if line[3:].startswith(prefix)]
    dirty = [name for name in changed if not name.startswith(WRITTEN) and not name.endswith(WRITTEN[:2])]
    if dirty:
        text = f"{len(dirty)} files differ from commit {commit}: {listed(dirty)}"
        yield Finding("warning", text, "commit them, so that a run names the code that made it")
    elif branch:
        yield ok(f"on {branch} at {commit}, nothing differs")


def git(root: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and output of a git command; 127 without git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False, timeout=4
        )
    except FileNotFoundError:
        return 127, ""
    return done.returncode, done.stdout.rstrip("\n")
