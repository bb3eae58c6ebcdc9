"""record: candidate.json <-> its own key, the ledger's line and the note of its run."""

from stages.core.auditing.audited import Audited
from stages.core.auditing.entries import CANDIDATE, candidate_entry
from stages.core.auditing.finding import Found
from stages.core.candidates.candidate import RECORD
from stages.core.candidates.lineage import key_of
from stages.core.files import digest

PLACE = 20
NOT_ALWAYS_KNOWN = ("source",)  # known only while the data it was made from are here


def check(audited: Audited, found: Found) -> str:
    """Compute the key anew from what it is made of, and compare with every line of this candidate."""
    record = audited.record
    found.same(f"key in {RECORD}", key_of(record), record["key"])
    of_file = digest(audited.candidate.folder / RECORD)
    lines = [line for line in audited.lines if line.kind == CANDIDATE and line.body.get("key") == record["key"]]
    same = [line for line in lines if line.body.get("candidate_sha256") == of_file]
    if lines and not same:
        found.same(f"{RECORD}, as the ledger has it", lines[-1].body.get("candidate_sha256"), of_file)
    elif not lines:
        found.unknown.append("the ledger has no line of it; `imagetrail sync` enters it")
    for line in same[-1:]:
        own = candidate_entry(audited.layout, audited.candidate)
        for name in sorted(set(own) - set(NOT_ALWAYS_KNOWN)):
            found.same(f"{name} in the ledger", own[name], line.body.get(name))
    noted = audited.run_record.get("ledger_line")
    if noted and noted not in {line.hash for line in audited.lines}:
        found.alarm(f"the ledger has no line {noted[:12]}, which the note of its run names: removed or edited")
    return f"{RECORD} has the key {record['key'][:12]}, and the ledger's line says the same"
