"""signature: what a key has signed of the candidate <-> its files, the ledger, and the public key that is named."""

from pathlib import Path

from stages.core.auditing.audited import Audited
from stages.core.auditing.chain import Line
from stages.core.auditing.finding import Found, Unknown
from stages.core.candidates.candidate import RECORD
from stages.core.errors import UserError
from stages.core.files import digest
from stages.core.governance.keys import fingerprint
from stages.core.governance.signing import SIGNATURE, proven, signatures, stated

PLACE = 15


def check(audited: Audited, found: Found) -> str:
    """Compare every signature with files and ledger; only a named public key can prove one."""
    paths, lines = signatures(audited.layout, audited.candidate), lines_of(audited)
    for line in lines:
        check_line(audited, line, found)
    for path in paths:
        check_files(audited, path, found)
    if audited.public_key:
        return check_key(audited, audited.public_key, paths, found)
    if not paths:
        raise Unknown("it is not signed; `imagetrail sign` does it")
    raise Unknown(f"signed by {signers(paths)}, which proves nothing until you name a key you trust: --public-key FILE")


def signers(paths: list[Path]) -> str:
    """The keys that signatures say they are of."""
    return ", ".join(sorted({stated(path).fingerprint[:12] for path in paths}))


def lines_of(audited: Audited) -> list[Line]:
    """Lines of the ledger on signatures of this very candidate."""
    said = {"key": audited.record["key"], "candidate_sha256": digest(audited.candidate.folder / RECORD)}
    return [line for line in audited.lines if line.kind == SIGNATURE and said.items() <= line.body.items()]


def check_line(audited: Audited, line: Line, found: Found) -> None:
    """Compare a signature's file with the hash that the ledger noted."""
    path = audited.layout.signatures / Path(str(line.body["file"])).name
    there = digest(path) if path.exists() else "no such file"
    found.same(f"{path.name} in the ledger", line.body["signature_sha256"], there)


def check_files(audited: Audited, path: Path, found: Found) -> None:
    """Compare the hashes in a signature with the files as they are."""
    folder, said = audited.candidate.folder, stated(path).files
    here = {one.relative_to(folder).as_posix(): one for one in folder.rglob("*") if one.is_file()}
    for name in sorted({*said, *here}):
        now = digest(here[name]) if name in here else "no such file"
        found.same(f"{name} as {path.name} has it", said.get(name, "no such file"), now)


def check_key(audited: Audited, public_key: Path, paths: list[Path], found: Found) -> str:
    """Ask for a signature by the named key: without one, whoever rewrote all else may have taken it away."""
    wanted = fingerprint(public_key)
    own = [path for path in paths if stated(path).fingerprint == wanted]
    if not own:
        found.alarm(f"not signed by the named key {wanted[:12]}" + (f", but by {signers(paths)}" if paths else ""))
    for path in own:
        try:
            wrong = proven(audited.candidate, path, public_key)
        except UserError as error:  # without model-signing
            raise Unknown(str(error)) from error
        found.n_agreed += not wrong
        found.alarms += [f"{path.name}: {wrong}"] if wrong else []
    return f"signed by {wanted[:12]}, the key that was named"
