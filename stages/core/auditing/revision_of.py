"""The commit or experiment that has the files of a candidate, read through DVC's cache or remote."""

from collections.abc import Iterator

from stages.core.auditing.chain import Line
from stages.core.auditing.holder import lock_at
from stages.core.candidates.candidate import RECORD
from stages.core.candidates.git_state import git
from stages.core.errors import UserError
from stages.core.files import text_digest
from stages.core.layout import Layout
from stages.core.revisiting.revisions import opened


def revision_of(layout: Layout, line: Line) -> str | None:
    """Find the revision whose candidate.json is the one that a line of the ledger names; None where none is found."""
    path = layout.candidate(str(line.body["candidate"])) / RECORD
    out, seen = path.parent.relative_to(layout.root).as_posix(), set()
    for revision in with_lock(layout):
        lock = lock_at(layout.root, revision)
        stage = f"{line.body['stage']}@{line.body['entry']}"
        md5 = lock.md5s(stage, "outs").get(out) if lock else None
        if md5 and md5 not in seen:
            seen.add(md5)
            if recorded(layout, revision, line, out):
                return revision[:12]
    return None


def with_lock(layout: Layout) -> Iterator[str]:
    """Revisions that changed dvc.lock, of all branches and experiments, the newest first."""
    yield from git(layout.root, "log", "--all", "--format=%H", "-m", "--", "dvc.lock").splitlines()


def recorded(layout: Layout, revision: str, line: Line, out: str) -> bool:
    """Whether a revision's candidate.json has the hash that the line names."""
    try:
        with opened(layout, revision, layout.root / out / RECORD) as stream:
            return text_digest(stream.read().decode()) == line.body["candidate_sha256"]
    except (UserError, UnicodeDecodeError):
        return False
