"""croissant: the description of the data set <-> the same written anew from source, manifest and verdict."""

from stages.core.auditing.audited import Audited
from stages.core.auditing.finding import Found
from stages.core.files import canonical, digest, read_json, text_digest
from stages.core.governance.croissant import described

PLACE = 125


def check(audited: Audited, found: Found) -> str:
    """Describe the data again, and compare by key, then by byte."""
    layout = audited.layout
    source, verdict = layout.source / "source.json", layout.validation / "verdict.json"
    audited.need(layout.croissant, layout.archive, source, layout.manifest, verdict)
    right, told = described(layout), read_json(layout.croissant)
    for name in sorted({*right, *told}):
        found.same(f"{layout.croissant.name}: {name}", right.get(name), told.get(name))
    if not found.alarms:
        found.same(layout.croissant.name, text_digest(canonical(right)), digest(layout.croissant))
    return f"{layout.croissant.name} is what source, manifest and verdict give"
