"""Lines of the ledger that are not in its file: in its copy, and in what git and DVC's experiments hold of it."""

from collections.abc import Iterator

from stages.core.auditing.chain import Chain, Line, parsed, read_chain
from stages.core.candidates.git_state import git
from stages.core.layout import Layout

NAME = "reports/ledger.jsonl"


def known_elsewhere(layout: Layout, wanted: set[str]) -> bool:
    """Whether all these lines are in the copy, in a branch, in an experiment or in a stash: put aside, not lost."""
    missing = wanted - read_chain(layout.ledger_copy).hashes
    for chain in versions(layout) if missing else ():
        missing -= chain.hashes
        if not missing:
            break
    return not missing


def versions(layout: Layout) -> Iterator[Chain]:
    """The ledger as every branch, tag, experiment and stash has it; each version once."""
    refs = git(layout.main_checkout, "for-each-ref", "--format=%(refname)").splitlines()
    seen = set()
    for ref in ["HEAD", *refs]:
        blob = git(layout.main_checkout, "rev-parse", "--verify", "--quiet", f"{ref}:./{NAME}")
        if blob and blob not in seen:
            seen.add(blob)
            yield version(layout, blob)


def version(layout: Layout, blob: str) -> Chain:
    """A version of the ledger by its git object."""
    return parsed(f"{git(layout.main_checkout, 'cat-file', 'blob', blob)}\n".encode())


def committed(layout: Layout, revision: str = "HEAD") -> list[Line]:
    """Lines that a commit holds; none without git."""
    blob = git(layout.main_checkout, "rev-parse", "--verify", "--quiet", f"{revision}:./{NAME}")
    return version(layout, blob).lines if blob else []


def put_there_by_git(layout: Layout) -> bool:
    """Whether the file is just what a commit or an experiment holds: a checkout put it there, nobody cut it."""
    name = git(layout.main_checkout, "hash-object", NAME)
    refs = git(layout.main_checkout, "for-each-ref", "--format=%(refname)").splitlines()
    blobs = (
        git(layout.main_checkout, "rev-parse", "--verify", "--quiet", f"{ref}:./{NAME}") for ref in ["HEAD", *refs]
    )
    return bool(name) and any(blob == name for blob in blobs)
