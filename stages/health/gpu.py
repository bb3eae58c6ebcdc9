"""gpu: graphics cards, their memory, and whether the installed TensorFlow can use them."""

import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import distributions

from stages.core.doctor.findings import Finding, Patient, ok

QUERY = "name,driver_version,memory.total,memory.used"
LITTLE_MB = 2000  # free memory below which common networks of 64 pixels and more don't fit


def examine(patient: Patient) -> Iterator[Finding]:
    """Ask nvidia-smi; TensorFlow is not imported."""
    if not shutil.which("nvidia-smi"):
        yield ok("no NVIDIA card is here (no nvidia-smi): training runs on the CPU")
        return
    done = subprocess.run(
        ["nvidia-smi", f"--query-gpu={QUERY}", "--format=csv,noheader,nounits"],
        capture_output=True,
        text=True,
        check=False,
        timeout=4,
    )
    if done.returncode:
        reason = " ".join((done.stdout + done.stderr).split())[:150]
        yield Finding("warning", f"nvidia-smi fails: {reason}", "mend the driver; training runs on the CPU until then")
        return
    for line in done.stdout.strip().splitlines():
        yield card(line)
    if not built_for_cuda():
        yield Finding("warning", "TensorFlow is the CPU build, so the card is not used", "run `make setup GPU=1`")


def card(line: str) -> Finding:
    """One card, as nvidia-smi describes it."""
    name, driver, total, used = (part.strip() for part in line.split(","))
    text = f"{name}, driver {driver}, {used} of {total} MB in use"
    if total.isdigit() and used.isdigit() and int(total) - int(used) < LITTLE_MB:
        return Finding("warning", text, "end what else uses the card (`nvidia-smi` names it)")
    return ok(text)


def built_for_cuda() -> bool:
    """Whether NVIDIA's libraries are installed beside TensorFlow."""
    return any((found.name or "").startswith("nvidia-cudnn") for found in distributions())
