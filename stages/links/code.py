"""code: hashes of code and requirements.lock in candidate.json <-> the files here and in the commit that holds it."""

from stages.core.auditing.audited import Audited
from stages.core.auditing.finding import Found
from stages.core.files import digest, text_digest

PLACE = 70


def check(audited: Audited, found: Found) -> str:
    """Hash every file of code that made the candidate, and the list of packages."""
    record, layout, there = audited.record, audited.layout, audited.holder
    expected = {**record["code"], "requirements.lock": record["lock_sha256"]}
    for path, sha256 in expected.items():
        here = layout.root / path
        found.same(path, sha256, digest(here) if here.exists() else "no such file")
        if there:
            text = there.text(path)
            found.same(f"{path} of {there.called}", sha256, text_digest(text) if text is not None else "no such file")
    where = f"here and in {there.called}" if there else "here"
    return f"{len(record['code'])} files of code and requirements.lock are those that made it, {where}"
