"""sign: sign a candidate with a local key, so that an audit can tell it from one rewritten with all its traces.

MODEL is what `audit` takes; left out: the champion. Writes reports/signatures/, for git to keep, and a line of the
ledger. The password of the key comes from the variable IMAGETRAIL_KEY_PASSWORD or from --password-file.
"""

import argparse
import tempfile
from pathlib import Path

from filelock import Timeout

from stages.core.auditing.asked import asked
from stages.core.auditing.audited import Audited
from stages.core.auditing.finding import Found
from stages.core.auditing.ledger import append
from stages.core.candidates.candidate import Candidate
from stages.core.console import show
from stages.core.errors import UserError
from stages.core.governance.keys import fingerprint_of_private, password
from stages.core.governance.signing import SIGNATURE, line_body, sign, signature_path, stated
from stages.core.layout import Layout
from stages.core.settings.params import open_project
from stages.links import model, record


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the model, the key and its password."""
    parser.add_argument("model", nargs="?", metavar="MODEL", help="left out: the champion")
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="the private key")
    parser.add_argument("--password-file", type=Path, metavar="FILE")


def main(parsed: argparse.Namespace) -> None:
    """Sign, and enter it in the ledger. Raises UserError for what is not as its own record says, or has no model."""
    params, layout = open_project()
    secret = password(parsed.password_file)
    signer = fingerprint_of_private(parsed.key, secret)
    with tempfile.TemporaryDirectory() as scratch:
        found = asked(layout, params, parsed.model, Path(scratch))
        candidate = found.candidate
        check(Audited(layout, params, candidate, Path(scratch), quick=True), found.alarms)
    path = signature_path(layout, candidate, signer)
    if path.exists():
        check_same(candidate, path)
    else:
        sign(candidate, parsed.key, secret, path)
    enter(layout, candidate, signer, path)
    show(f"{candidate.name} is signed by {signer[:12]}: {path.relative_to(layout.main_checkout)}; commit it")


def check(audited: Audited, alarms: tuple[str, ...]) -> None:
    """Raise UserError for a candidate that is not what its own record and the ledger say."""
    name, found = audited.candidate.name, Found(alarms=list(alarms))
    if audited.candidate.failure:
        raise UserError(f"{name} has no model: its training failed ({audited.candidate.failure})")
    for link in (model, record):
        link.check(audited, found)
    if found.alarms:
        raise UserError(f"{name} is not what its record says, and is not signed: {found.alarms[0]}")


def check_same(candidate: Candidate, path: Path) -> None:
    """Raise UserError where this key has signed other bytes of the same run."""
    from stages.core.files import digest

    here = [one for one in candidate.folder.rglob("*") if one.is_file()]
    if stated(path).files != {one.relative_to(candidate.folder).as_posix(): digest(one) for one in here}:
        raise UserError(f"{path} is of other bytes of {candidate.name}; find out why, delete it, and sign again")


def enter(layout: Layout, candidate: Candidate, signer: str, path: Path) -> None:
    """Enter the signature in the ledger, once. Raises UserError where another process holds the ledger."""
    body = line_body(candidate, signer, path)
    try:
        append(layout, SIGNATURE, body, lambda lines: next((line for line in lines if line.body == body), None))
    except Timeout as error:
        raise UserError(f"{path.name} is written, and the ledger is held by another process; sign again") from error
