"""running: no run is called RUNNING whose process is gone."""

from collections.abc import Iterator
from functools import partial

from stages.core.doctor.findings import Finding, Patient, ok
from stages.core.files import listed
from stages.core.tracking.repairs import ended, left_running


def examine(patient: Patient) -> Iterator[Finding]:
    """Ask the store, and this machine about the processes that it names; a living one is never touched."""
    found = left_running(patient.layout, patient.params)
    gone = {run_id: name for run_id, name, lives in found if lives is False}
    unknown = [name for _, name, lives in found if lives is None]
    living = [name for _, name, lives in found if lives]
    if gone:
        text = f"{len(gone)} runs are called RUNNING, but their process is gone: {listed(gone.values())}"
        advice = "the next run of their stage takes them up; --repair marks them as KILLED"
        yield Finding("warning", text, advice, partial(ended, patient.layout, patient.params, list(gone)))
    if unknown:
        text = f"{len(unknown)} runs are called RUNNING, and whether they do can't be seen from here: {listed(unknown)}"
        yield Finding("warning", text, "run the doctor on the machine, and in the container, that they ran on")
    if not gone and not unknown:
        yield ok(f"{len(living)} runs are under way" if living else "no run is called RUNNING")
