"""commit: the candidate <-> the commit or DVC experiment whose dvc.lock holds its hash."""

from itertools import product

from stages.core.auditing.audited import Audited
from stages.core.auditing.dvc_lock import own_stage, stages_behind
from stages.core.auditing.finding import Found, Unknown
from stages.core.candidates.git_state import git

PLACE = 50


def check(audited: Audited, found: Found) -> str:
    """Find the revision, and compare its dvc.lock with that of the checkout: all data, all that its own stage read."""
    root, own = audited.layout.root, own_stage(audited.record)
    if not git(root, "rev-parse", "--verify", "--quiet", "HEAD"):
        raise Unknown("this is no git repository, or one without a commit")
    if audited.holder is None:
        note(audited, found)
        return "not committed yet: no commit and no experiment holds its hash; `git add dvc.lock` and commit it"
    for stage, part in product(stages_behind(audited.record), ("deps", "outs")):
        there = audited.holder.lock.md5s(stage, part)
        for path, md5 in audited.lock.md5s(stage, part).items():
            if stage == own or path.startswith("data/"):  # code of earlier stages may have changed and given the same
                found.same(f"{path} ({stage}) in dvc.lock of {audited.holder.called}", md5, there.get(path))
    return f"{audited.holder.called} holds its hash"


def note(audited: Audited, found: Found) -> None:
    """Say from which commit it was made, as was noted then."""
    began = audited.run_record.get("commit")
    if began:
        dirty = audited.run_record.get("dirty_files") or []
        found.notes.append(f"made on commit {began[:12]}" + (f" with changes in {', '.join(dirty)}" if dirty else ""))
