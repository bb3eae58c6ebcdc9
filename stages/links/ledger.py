"""ledger: its chain of hashes <-> what git, MLflow and the copy beside the run records hold of it."""

from stages.core.auditing.audited import Audited
from stages.core.auditing.chain import heads, read_chain
from stages.core.auditing.finding import Found, Unknown
from stages.core.auditing.ledger_history import committed, known_elsewhere, put_there_by_git
from stages.core.tracking.ledger_head import hashes
from stages.core.tracking.witness import ledger_ends

PLACE = 160


def check(audited: Audited, found: Found) -> str:
    """Verify every line, and look for lines that others know and the file has not got."""
    layout, chain = audited.layout, audited.ledger
    if not chain.lines and not chain.faults:
        raise Unknown(f"{layout.ledger.name} has no line; `imagetrail sync` enters what is here")
    found.alarms += chain.faults
    if chain.torn:
        found.notes.append("its last line was never finished; the next one takes it out")
    gone = [line for line in committed(layout) if line.hash not in chain.hashes]
    if gone:
        found.alarm(f"{len(gone)} lines that HEAD holds are gone, e.g. {gone[-1].kind} {gone[-1].hash[:12]}")
    check_copy(audited, found)
    check_mlflow(audited, found)
    ends = heads(chain.lines)
    joined = f", {len(ends)} ends that the next line joins" if len(ends) > 1 else ""
    return f"{len(chain.lines)} lines, an unbroken chain to {ends[-1][:12] if ends else 'nothing'}{joined}"


def check_copy(audited: Audited, found: Found) -> None:
    """Compare with the copy that git doesn't touch."""
    chain = audited.ledger
    gone = [line for line in read_chain(audited.layout.ledger_copy).lines if line.hash not in chain.hashes]
    if gone and put_there_by_git(audited.layout):
        found.unknown.append(
            f"git put a version there that lacks {len(gone)} lines of this checkout; `imagetrail sync` puts them back"
        )
    elif gone:
        found.alarm(f"{len(gone)} lines are gone that this checkout wrote, e.g. {gone[-1].kind} {gone[-1].hash[:12]}")


def check_mlflow(audited: Audited, found: Found) -> None:
    """Compare with the ends that MLflow knows: this checkout's must be there, another one's may be elsewhere."""
    try:
        own, noted = ledger_ends(audited.layout, audited.params)
    except Unknown as error:
        found.notes.append(f"its end could not be compared with MLflow's: {error}")
        return
    for tag, end in noted.items():
        gone = set(hashes(end)) - audited.ledger.hashes
        if not gone:
            found.n_agreed += 1
        elif tag != own or known_elsewhere(audited.layout, gone):
            found.notes.append(f"the end {end[:20]} that MLflow knows is in another branch or checkout")
        else:
            found.alarm(f"its end is cut off: MLflow knows it as {end[:20]}…, which is nowhere in it")
