"""Make .venv hold exactly the packages of some lock files, and this project.

Only the standard library is used, as this runs before anything is installed. `make setup` calls it each time: when
nothing has changed since the last set-up, that costs a few milliseconds.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import IO, Any

OLDEST, NEWEST = (3, 11), (3, 13)
STAMP = ".installed.json"
PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==(?!.*sys_platform == 'win32')", re.MULTILINE)
FETCHING = re.compile(r"^\s*(?:Downloading|Using cached) ([^\s/]+?)(?:-py\S*|-cp\S*|\.tar\S*)? \((\S+ ?[kKMG]i?B)\)")
PRIVACY = (
    "# imagetrail: tools that are started by hand phone home no more than our own\n"
    "export DO_NOT_TRACK=true MLFLOW_DISABLE_TELEMETRY=true DVC_NO_ANALYTICS=true GX_ANALYTICS_ENABLED=false\n"
)
# what would send packages elsewhere, or make pip take for installed what is not in the environment
HARMFUL = ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_DRY_RUN")
REASONS = {
    r"No space left on device|os error 28|Disk quota exceeded": "the disk is full. The environment takes about 4 GB "
    "(9 GB with CUDA), and downloads need room in TMPDIR and in the cache besides",
    r"DO NOT MATCH THE HASHES|[Hh]ash mismatch": "a file is not the one that the lock file names (its hash differs): "
    "the index or a proxy hands out another, or the cache is damaged (`pip cache purge`)",
    r"NewConnectionError|NameResolutionError|Name or service not known|name resolution|Connection refused|"
    r"ConnectTimeout|ReadTimeout|ProxyError|SSLError|dns error|error sending request|Failed to fetch|"
    r"Connection(?:Reset|Broken)": "the "
    "package index can't be reached. Check the network; behind a proxy set HTTPS_PROXY, for a mirror PIP_INDEX_URL "
    "(with uv UV_DEFAULT_INDEX)",
    r"No matching distribution found|no version of|no wheels with a matching": "the package index has no file of a "
    "locked package for this Python and this machine (Linux on x86-64 or ARM is needed)",
}


class SetupError(Exception):
    """Why there is no environment, in a sentence."""


def main() -> int:
    """Set up the environment. Returns 0, or 1 after a sentence that says why not."""
    arguments = parse_arguments()
    try:
        check_python(sys.version_info[:2])
        if not is_current(arguments.venv, wanted_locks(arguments)):
            set_up_alone(arguments)
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        reason = next((text for pattern, text in REASONS.items() if re.search(pattern, str(error))), str(error))
        print(f"error: set-up failed: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; the next `make setup` continues", file=sys.stderr)
        return 130
    return 0


def parse_arguments() -> argparse.Namespace:
    """Return which locks are wanted, in which folder, and with which installer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("locks", nargs="+", type=Path, help="lock files whose packages are to be there")
    parser.add_argument("--keep", type=Path, default=[], nargs="*", help="and these, if an earlier set-up had them")
    parser.add_argument("--venv", type=lambda text: Path(text).absolute(), default=".venv", help="folder to set up")
    parser.add_argument("--uv", default="", help="the program uv; left out or empty: pip")
    return parser.parse_args()


def check_python(version: tuple[int, ...]) -> None:
    """Raise SetupError for a Python that TensorFlow has no build for."""
    if not OLDEST <= tuple(version) <= NEWEST:
        found = ".".join(map(str, version))
        raise SetupError(
            f"Python 3.11, 3.12 or 3.13 is needed (TensorFlow has no other), {sys.executable} is {found}; "
            "install one, or name it: make setup SYSTEM_PYTHON=/path/to/python3.12"
        )


def wanted_locks(arguments: argparse.Namespace) -> list[Path]:
    """Return the locks asked for, and those of the last set-up that are to stay."""
    before = read_stamp(arguments.venv).get("locks", {})
    locks = [*arguments.locks, *(lock for lock in arguments.keep if str(lock) in before)]
    for lock in locks:
        if not lock.is_file():
            raise SetupError(f"{lock} is missing: take it from git (`git checkout -- {lock}`)")
    return locks


def set_up_alone(arguments: argparse.Namespace) -> None:
    """Set up while no other process sets up the same project."""
    with Path("pyproject.toml").open() as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another set-up of this folder to end", flush=True)
            fcntl.flock(held, fcntl.LOCK_EX)
        locks = wanted_locks(arguments)
        if not is_current(arguments.venv, locks):
            set_up(arguments.venv, locks, arguments.uv)


def set_up(venv: Path, locks: list[Path], uv: str) -> None:
    """Make the environment fit the locks, whatever it held before."""
    reason = unfit_reason(venv)
    if reason:
        make_anew(venv, reason)
    (venv / STAMP).unlink(missing_ok=True)
    remove_half_installed(venv)
    remove_leftovers(venv, locks)
    install_locked(venv, locks, uv)
    install_project(venv)
    check_environment(venv)
    silence_telemetry(venv)
    write_stamp(venv, locks)


# What is there


def installed_state(venv: Path, locks: list[Path]) -> dict[str, Any]:
    """Return all that must be unchanged for the last set-up to hold."""
    return {
        "venv": str(venv),
        "python": ".".join(map(str, sys.version_info[:2])),
        "project": sha256(Path("pyproject.toml")),
        "locks": {str(lock): sha256(lock) for lock in locks},
        "packages": sorted(path.name for path in metadata_folders(venv)),
    }


def is_current(venv: Path, locks: list[Path]) -> bool:
    """Whether the environment is as the last complete set-up of the same locks left it."""
    return os.access(venv / "bin/python", os.X_OK) and read_stamp(venv) == installed_state(venv, locks)


def read_stamp(venv: Path) -> dict[str, Any]:
    """Return what the last complete set-up noted; empty without one."""
    try:
        noted = json.loads((venv / STAMP).read_text())
    except (OSError, ValueError):
        return {}
    return noted if isinstance(noted, dict) else {}


def write_stamp(venv: Path, locks: list[Path]) -> None:
    """Note that a set-up is complete."""
    temporary = venv / f"{STAMP}.tmp"
    temporary.write_text(json.dumps(installed_state(venv, locks), indent=1) + "\n")
    temporary.replace(venv / STAMP)


def sha256(path: Path) -> str:
    """Return the hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def metadata_folders(venv: Path) -> list[Path]:
    """Return the folder of metadata of each installed package."""
    return [
        path for path in venv.glob("lib/python3.*/site-packages/*") if path.name.endswith((".dist-info", ".egg-info"))
    ]


def site_packages(venv: Path) -> Path:
    """Return the folder that packages are installed into."""
    return venv / f"lib/python3.{sys.version_info[1]}/site-packages"


def normalize(name: str) -> str:
    """Return the one spelling of a package's name, as indexes compare them (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def locked_names(locks: list[Path]) -> set[str]:
    """Return the names that lock files pin, for any Python."""
    return {normalize(name) for lock in locks for name in PIN.findall(lock.read_text(encoding="utf-8"))}


def installed_packages(venv: Path) -> list[Distribution]:
    """Return the packages in the environment."""
    return [found for found in distributions(path=[str(site_packages(venv))]) if found.metadata["Name"]]


def project_name() -> str:
    """Return the name of this project as a package."""
    import tomllib

    return normalize(tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]["name"])


def unfit_reason(venv: Path) -> str:
    """Say why an environment can't be taken over; empty when it can."""
    if not venv.exists() and not venv.is_symlink():
        return "there is none"
    code = "import json, sys, pip; print(json.dumps([sys.version_info[:2], sys.prefix]))"
    try:
        done = subprocess.run([str(venv / "bin/python"), "-Ic", code], capture_output=True, text=True, check=True)
        version, prefix = json.loads(done.stdout)
        activate = (venv / "bin/activate").read_text(encoding="utf-8")
    except (OSError, ValueError, subprocess.CalledProcessError):
        return "it is broken: its Python or its pip doesn't start"
    here = list(sys.version_info[:2])
    if version != here:
        return f"it is of Python {version[0]}.{version[1]}, and {sys.executable} is {here[0]}.{here[1]}"
    if Path(prefix).resolve() != venv.resolve() or str(venv) not in activate:
        return "it was moved or copied from another folder"
    if pip(venv, "list").returncode:  # pip before 23.1 with Python 3.12, say
        return "its pip doesn't work with this Python"
    names = [normalize(found.metadata["Name"]) for found in installed_packages(venv)]
    return "it holds packages twice" if len(names) > len(set(names)) else ""


# What is done


def make_anew(venv: Path, reason: str) -> None:
    """Make an empty environment, in the place of the one that is there."""
    print(f"making {venv.name} with Python {sys.version.split()[0]}: {reason}", flush=True)
    if venv.is_symlink() or venv.is_file():
        venv.unlink()
    elif venv.exists():
        shutil.rmtree(venv)
    python = getattr(sys, "_base_executable", "") or sys.executable  # the base, when this is an environment's own
    done = run([python, "-m", "venv", str(venv)])
    if done.returncode:
        shutil.rmtree(venv, ignore_errors=True)
        said = " ".join((done.stdout + done.stderr).split())
        advice = (
            "on Debian and Ubuntu: apt install python3-venv" if "ensurepip" in said or "No module" in said else said
        )
        raise SetupError(f"{python} can't make a virtual environment ({explain(said) or advice[-300:]})")


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command without what would mislead it, and return what it said."""
    return subprocess.run(command, capture_output=True, text=True, env=clean_environment(), check=False)


def clean_environment() -> dict[str, str]:
    """Return the environment variables without those that lead packages astray."""
    kept = {name: value for name, value in os.environ.items() if name not in HARMFUL}
    return {**kept, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONUNBUFFERED": "1"}


def pip(venv: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the environment's pip."""
    return run([str(venv / "bin/python"), "-m", "pip", *arguments])


def remove_half_installed(venv: Path) -> None:
    """Remove what a killed installer left, lest the next takes it for installed."""
    for path in site_packages(venv).iterdir():
        half = path.name.endswith(".dist-info") and not (path / "INSTALLER").is_file()
        if half or path.name.startswith("~"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def remove_leftovers(venv: Path, locks: list[Path]) -> None:
    """Remove packages that no lock names, before others are installed: two may hold files of one name."""
    expected = {*locked_names(locks), project_name(), "pip"}
    packages = {normalize(found.metadata["Name"]): found for found in installed_packages(venv)}
    leftovers = sorted(set(packages) - expected)
    if not leftovers:
        return
    print(f"removing {len(leftovers)} packages that the lock doesn't name: {shorten(leftovers)}", flush=True)
    files = {str(path) for name in leftovers for path in packages[name].files or ()}
    shared = [
        name for name in sorted(expected & set(packages) - {"pip"}) if files & set(map(str, packages[name].files or ()))
    ]
    done = pip(venv, "uninstall", "--yes", *leftovers, *shared)
    if done.returncode:
        make_anew(venv, "packages could not be removed from it")


def shorten(names: list[str]) -> str:
    """Return the first few names, and how many more there are."""
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def install_locked(venv: Path, locks: list[Path], uv: str) -> None:
    """Install what the locks name and nothing else.

    Dependencies are not followed: the lock holds all of them, and older releases of pip look for newer ones of a
    package that is needed with extras, and then refuse those as not pinned.
    """
    python, installer = str(venv / "bin/python"), "uv" if uv else "pip"
    total = len(locked_names(locks))
    print(f"installing {total} packages with {installer}: {', '.join(map(str, locks))}", flush=True)
    install = (
        [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install", "--progress-bar=off"]
    )
    command = [*install, "--no-deps", "--require-hashes"]
    for lock in locks:
        command += ["-r", str(lock)]
    code, lines = run_with_progress(command, Progress(venv, total))
    if code:
        print("\n".join(failure_lines(lines)), file=sys.stderr)
        reason = explain("\n".join(lines)) or f"{installer} ended with {code}; its words stand above"
        raise SetupError(f"the packages of {', '.join(map(str, locks))} could not be installed: {reason}")


def explain(text: str) -> str:
    """Return what an installer's words mean, where that is known."""
    return next((reason for pattern, reason in REASONS.items() if re.search(pattern, text)), "")


def failure_lines(lines: list[str]) -> list[str]:
    """Return the lines that say what went wrong: those marked as errors, else the last ones."""
    marked = [line for line in lines if re.match(r"\s*(?:ERROR|error|×)", line)]
    return (marked or lines)[-12:]


def install_project(venv: Path) -> None:
    """Install this project itself, so that its files here are the ones that run."""
    done = pip(venv, "install", "--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--editable", ".")
    if done.returncode:
        print("\n".join(failure_lines((done.stdout + done.stderr).splitlines())), file=sys.stderr)
        reason = explain(done.stdout + done.stderr) or "pip's words stand above"
        raise SetupError(f"this project could not be installed: {reason}")


def check_environment(venv: Path) -> None:
    """Raise SetupError where a package lacks what it needs."""
    done = pip(venv, "check")
    if done.returncode:
        print(done.stdout + done.stderr, file=sys.stderr)
        raise SetupError("the locked packages don't fit each other (`pip check`, above): run `make lock`")


def silence_telemetry(venv: Path) -> None:
    """Let `activate` tell the tools to phone home no more."""
    activate = venv / "bin/activate"
    if "DO_NOT_TRACK" not in activate.read_text(encoding="utf-8"):
        with activate.open("a", encoding="utf-8") as stream:
            stream.write(PRIVACY)


# What is said meanwhile


class Progress:
    """A line that says how far an installer is: rewritten on a terminal, else repeated now and then."""

    def __init__(self, venv: Path, total: int) -> None:
        self.venv, self.total, self.live = venv, total, sys.stdout.isatty()
        self.n_before = len(metadata_folders(venv))
        self.n_ready, self.detail = 0, ""
        self.started = self.shown = time.monotonic()

    def note(self, line: str) -> None:
        """Take in a line of the installer."""
        self.n_ready += line.startswith(("Collecting ", "Processing ", "Requirement already satisfied"))
        found = FETCHING.match(line)
        if found and not found[1].endswith(".metadata"):
            self.detail = f"fetching {found[1]} ({found[2]})"
        elif line.startswith("Installing collected"):
            self.detail = "unpacking"
        elif "Retrying" in line:
            self.detail = "no answer from the package index, trying again"

    def show(self) -> None:
        """Show the line, when it is time."""
        now = time.monotonic()
        if now - self.shown < (0.2 if self.live else 10):
            return
        self.shown = now
        n_installed = max(0, len(metadata_folders(self.venv)) - self.n_before)
        counts = f"{self.n_ready} of {self.total} looked up, " if self.n_ready else ""
        text = "; ".join(filter(None, [f"{counts}{n_installed} installed", self.detail, f"{now - self.started:.0f} s"]))
        width = shutil.get_terminal_size().columns - 3
        print(f"\r\033[K  {text[:width]}" if self.live else f"  {text}", end="" if self.live else "\n", flush=True)

    def end(self) -> None:
        """Say how long it took."""
        lead = "\r\033[K" if self.live else ""
        print(f"{lead}  {time.monotonic() - self.started:.0f} s", flush=True)


def run_with_progress(command: list[str], progress: Progress) -> tuple[int, list[str]]:
    """Run an installer; returns its exit code and all that it said."""
    lines: list[str] = []
    waiting: queue.Queue[str | None] = queue.Queue()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", env=clean_environment()
    )
    assert process.stdout is not None  # noqa: S101 - asked for above
    threading.Thread(target=read_lines, args=(process.stdout, waiting), daemon=True).start()
    try:
        while True:
            try:
                line = waiting.get(timeout=0.5)
            except queue.Empty:
                line = ""
            if line is None:
                break
            if line:
                lines.append(line)
                progress.note(line)
            progress.show()
    except BaseException:
        process.terminate()
        raise
    progress.end()
    return process.wait(), lines


def read_lines(stream: IO[str], waiting: queue.Queue[str | None]) -> None:
    """Hand on the lines of a stream, and then None."""
    for line in stream:
        waiting.put(line.rstrip("\n") or " ")
    waiting.put(None)


if __name__ == "__main__":
    sys.exit(main())
