"""Which process a run belongs to, so that one left RUNNING is told from one that runs."""

import os
import socket
from pathlib import Path

PROCESS = "imagetrail.process"


def this_process() -> str:
    """Host, boot, process space, number and start of this process: together they name no other."""
    return " ".join([*machine(), str(os.getpid()), started(os.getpid())])


def machine() -> tuple[str, str, str]:
    """Name of this machine, its boot and its space of process numbers (containers have their own)."""
    boot = read("/proc/sys/kernel/random/boot_id")
    try:
        space = str(Path("/proc/self/ns/pid").readlink()).strip("pid:[]")
    except OSError:
        space = "-"
    return socket.gethostname() or "-", boot or "-", space


def started(pid: int) -> str:
    """When a process began, in the kernel's ticks since boot; '-' where there is no such process or no /proc."""
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 and fields[0] not in "ZX" else "-"


def alive(process: str) -> bool | None:
    """Whether a process noted by `this_process` still runs; None where that can't be known from here."""
    host, boot, space, pid, start = [*process.split(), "-", "-", "-", "-", "-"][:5]
    here = machine()
    if host != here[0] or not pid.isdigit() or "-" in (boot, space, start):
        return None
    if boot != here[1]:
        return False  # the machine was started anew since
    return started(int(pid)) == start if space == here[2] else None


def read(path: str) -> str:
    """A short text of the kernel's; empty where there is none."""
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""
