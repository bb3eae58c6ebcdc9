"""The machine that something was made on: equal bytes are promised for one kind of it.

The kind is the processor's vendor and the widest instructions it has (libraries choose their kernels by these), the
GPU's model, and the number of threads.
"""

import os
import platform
import shutil
import socket
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

WIDEST = ("amx_tile", "avx512f", "avx2", "avx", "sse4_2", "sve", "asimd")  # flags of /proc/cpuinfo, the widest first
PACKAGES = ("tensorflow", "keras", "numpy", "scikit-learn", "pillow", "simplejpeg")
ASKED = ("name", "driver_version", "memory.total")


def machine() -> dict[str, Any]:
    """Everything about this machine that can explain another result."""
    return {
        "host": socket.gethostname(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: found for name in PACKAGES if (found := installed(name))},
        "processor": processor(),
        "gpus": gpus(),
    }


def processor() -> dict[str, Any]:
    """Model and vendor of the processor, its family as equal bytes are promised for, and the cores we may use."""
    facts = cpuinfo()
    flags = set((facts.get("flags") or facts.get("Features") or "").split())
    widest = next((flag for flag in WIDEST if flag in flags), "unknown")
    vendor = facts.get("vendor_id") or facts.get("CPU implementer") or "unknown"
    return {
        "model": facts.get("model name") or platform.processor() or "unknown",
        "vendor": vendor,
        "family": f"{platform.machine()} {vendor} {widest}",
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }


def in_words() -> str:
    """The processor for people: its model, and the family that equal bytes are promised for."""
    found = processor()
    return f"{found['model']} ({found['family']})"


def cpuinfo() -> dict[str, str]:
    """What Linux says of the first processor; nothing elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n")[0].splitlines()
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}


def gpus() -> list[dict[str, str]]:
    """Name, driver and memory of each NVIDIA GPU, as its own tool says; none where there is no tool."""
    tool = shutil.which("nvidia-smi")
    if not tool:
        return []
    command = [tool, f"--query-gpu={','.join(ASKED)}", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return []
    rows = done.stdout.strip().splitlines() if done.returncode == 0 else []
    return [dict(zip(ASKED, (cell.strip() for cell in row.split(",")), strict=False)) for row in rows]


def installed(package: str) -> str | None:
    """Version of a package, without importing it."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
