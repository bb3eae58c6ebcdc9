"""outs: what DVC noted in dvc.lock of every stage behind the candidate <-> the files as they are now."""

from stages.core.auditing.audited import Audited
from stages.core.auditing.dvc_lock import dvc_md5, own_stage, stages_behind
from stages.core.auditing.finding import Found

PLACE = 30


def check(audited: Audited, found: Found) -> str:
    """Hash every dep and out anew, as DVC does, and compare."""
    lock, root, seen = audited.lock, audited.layout.root, dict[str, str]()
    stages = stages_behind(audited.record)
    for stage in stages:
        if stage not in lock.stages:
            say = found.alarm if stage == own_stage(audited.record) else found.unknown.append
            say(f"dvc.lock has no stage {stage}; `dvc repro` or `dvc commit` notes it")
        for part in ("deps", "outs"):
            for path, expected in lock.md5s(stage, part).items():
                if path not in seen and (root / path).exists():
                    seen[path] = dvc_md5(root, root / path)
                if path in seen:
                    found.same(f"{path} ({stage})", expected, seen[path])
                elif part == "outs":
                    found.unknown.append(f"{path} is not here")
    missing = [path for path in lock.md5s(own_stage(audited.record), "outs") if path not in seen]
    for path in missing:
        found.alarm(f"{path} is gone")
    return f"{found.n_agreed} hashes of {len(stages)} stages in dvc.lock are those of the files"
