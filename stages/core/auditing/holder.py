"""The commit or DVC experiment that holds a candidate: it is found afterwards, as dvc.lock is written after a run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stages.core.auditing.dvc_lock import Lock, parsed_lock
from stages.core.candidates.git_state import git


@dataclass(frozen=True)
class Holder:
    """A revision whose dvc.lock names the hash of a candidate, how it is called, and that dvc.lock."""

    root: Path
    revision: str
    called: str
    lock: Lock

    def text(self, path: str) -> str | None:
        """A text file as it is there; None where it is not."""
        found = git(self.root, "rev-parse", "--verify", "--quiet", f"{self.revision}:./{path}")
        return git(self.root, "cat-file", "blob", found) + "\n" if found else None


def holder(root: Path, stage: str, path: str, md5: str) -> Holder | None:
    """Find the newest revision whose dvc.lock has this hash of a stage's out: in HEAD's history, else in any ref."""
    for revision in revisions(root, md5):
        lock = lock_at(root, revision)
        if lock and lock.md5s(stage, "outs").get(path) == md5:
            return Holder(root, revision, called(root, revision), lock)
    return None


def revisions(root: Path, md5: str) -> Iterator[str]:
    """Revisions that may hold a hash: HEAD, then those that brought or removed it."""
    yield from git(root, "rev-parse", "--verify", "--quiet", "HEAD").splitlines()
    for where in ("HEAD", "--all"):
        yield from git(root, "log", where, f"-S{md5}", "--format=%H", "-m", "--", "dvc.lock").splitlines()


def lock_at(root: Path, revision: str) -> Lock | None:
    """dvc.lock of a revision; None where there is none that can be read."""
    text = git(root, "show", f"{revision}:./dvc.lock")
    try:
        return parsed_lock(text) if text else None
    except ValueError:
        return None


def called(root: Path, revision: str) -> str:
    """A revision for people: an experiment's name, or the short hash of a commit."""
    refs = git(root, "for-each-ref", "--points-at", revision, "--format=%(refname)", "refs/exps").splitlines()
    names = [ref.rsplit("/", 1)[1] for ref in refs if ref.count("/") == 4 and "/exec/" not in ref]
    return f"experiment {names[0]}" if names else f"commit {revision[:12]}"
