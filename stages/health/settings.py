"""settings: params.yaml can be read and holds what it may."""

from collections.abc import Iterator

from stages.core.doctor.findings import Finding, Patient, ok
from stages.core.errors import UserError


def examine(patient: Patient) -> Iterator[Finding]:
    """Check the whole file, as every node does."""
    try:
        names = patient.params.candidates
    except UserError as error:
        yield Finding("broken", str(error).splitlines()[0], "mend it; `imagetrail explain` says what each key may be")
    else:
        yield ok(f"params.yaml is right; {len(names)} candidates compete")
