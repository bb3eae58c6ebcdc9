"""model: the files that predict, and all others of the candidate <-> the hashes in candidate.json."""

from stages.core.auditing.audited import Audited
from stages.core.auditing.finding import Found
from stages.core.candidates.candidate import RECORD, model_sha256
from stages.core.candidates.model_files import model_files
from stages.core.files import digest

PLACE = 10


def check(audited: Audited, found: Found) -> str:
    """Hash every file that candidate.json names, and look for one that predicts and is not named."""
    folder, named = audited.candidate.folder, audited.record["outputs"]
    for name, expected in named.items():
        path = folder / name
        found.same(name, expected, digest(path) if path.exists() else "no such file")
    for name in sorted(set(model_files(folder)) - set(named)):
        found.alarm(f"{name} predicts, and {RECORD} does not name it")
    if audited.candidate.failure:
        found.notes.append(f"its training failed: {audited.candidate.failure}")
        return f"it has no model; its {len(named)} files are as recorded"
    return f"{len(named)} files have the hashes in {RECORD}; the model is {model_sha256(audited.record)[:12]}"
