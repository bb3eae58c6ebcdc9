"""Import what nodes, commands and DVC import of others, run nothing of it, and fork for each client that comes.

Its arguments: a listening socket, and the folder of the clients. Ends with the process that started it.
"""

import _imp
import array
import atexit
import gc
import importlib
import importlib.machinery
import io
import marshal
import os
import re
import resource
import runpy
import selectors
import signal
import socket
import sys
import threading
import time
import traceback
import types
from contextlib import suppress
from importlib.abc import SourceLoader
from pathlib import Path
from typing import Any, NoReturn

READ_AT_IMPORT = re.compile(
    "PYTHON(?!UNBUFFERED|DONTWRITE)|TF|KERAS|OMP_|MKL|OPENBLAS|NUMEXPR|MPL|LD_|XLA|CUDA|GRPC|LANG|LC_|TZ|MALLOC|ARROW|MLFLOW_.*(LOGGING|RICH)|GX_|HOME$"
)
OWN = {  # what our code sets before it imports: stages/core/console.py, training/runtime.py, tracking/store.py
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "DVC_NO_ANALYTICS": "true",
    "GX_ANALYTICS_ENABLED": "false",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}
ONEDNN = re.compile(r"^\s+onednn:\s*(true|false)", re.MULTILINE)
WITHOUT = {
    "keras": ("matplotlib", "sklearn"),
    "great_expectations": ("rfc3987_syntax",),
}  # as core/lean_import.py has it
MODULES = (Path(__file__).parent / "modules.txt").read_text().split()


def imported() -> None:
    """Import the packages, each without what our code keeps from it."""
    for name in MODULES:
        absent = [other for other in WITHOUT.get(name, ()) if other not in sys.modules]
        sys.modules.update(dict.fromkeys(absent))
        try:
            with suppress(ImportError):
                importlib.import_module(name)
        finally:
            for other in absent:
                del sys.modules[other]


class Compiled(importlib.machinery.SourceFileLoader):
    """Loads sources that equal those of this project without compiling them anew, wherever they lie."""

    known: dict[bytes, types.CodeType] = {}

    @classmethod
    def learn(cls, folder: Path) -> None:
        """Compile what lies in a folder, and use it from now on."""
        for path in folder.rglob("*.py"):
            data = path.read_bytes()
            cls.known[data] = compile(data, str(path), "exec", dont_inherit=True)
        importlib.machinery.SourceFileLoader.get_code = cls.get_code  # type: ignore[method-assign]

    def get_code(self, fullname: str) -> types.CodeType | None:
        """Code of a module; as ever where the source is another."""
        if fullname.partition(".")[0] == "stages":
            path = self.get_filename(fullname)
            code = Compiled.known.get(self.get_data(path))
            if code is not None:
                _imp._fix_co_filename(code, path)
                return code
        return SourceLoader.get_code(self, fullname)


class Server:
    """One loop over new clients, clients that are gone, and children that have ended."""

    def __init__(self, listening: socket.socket, programs: str, before: dict[str, str]) -> None:
        self.listening, self.programs = listening, programs
        self.before, self.after = before, dict(os.environ)
        self.limits = [resource.getrlimit(number) for number in range(16)]
        self.lines: dict[int, socket.socket] = {}  # by process
        self.selector = selectors.DefaultSelector()
        self.selector.register(listening, selectors.EVENT_READ, None)

    def loop(self) -> dict[str, Any]:
        """Serve; returns in each child, with what the client said."""
        parent = os.getppid()
        while os.getppid() == parent:
            for key, _ in self.selector.select(1):
                if key.data is None:
                    said = self.accept()
                    if said:
                        return said
                elif key.fileobj in self.lines.values():
                    self.gone(key.data)
                else:
                    self.ended(key.data, int(key.fileobj))  # type: ignore[arg-type]
        for pid in self.lines:
            os.kill(pid, signal.SIGKILL)
        os._exit(0)

    def accept(self) -> dict[str, Any] | None:
        """Fork for a client, or tell it to start as ever; returns in the child alone what it said."""
        line, _ = self.listening.accept()
        try:
            said, streams = received(line)
        except (OSError, ValueError, EOFError):
            line.close()
            return None
        if not self.fits(said):
            line.send(bytes(8))
            line.close()
            pid = -1
        else:
            pid = os.fork()
        if pid == 0:
            self.selector.close()
            for each in (line, self.listening, *self.lines.values()):
                os.close(each.detach())
            adopt(streams, bool(said["environment"].get("PYTHONUNBUFFERED")))
            return said
        for stream in streams:
            os.close(stream)
        if pid > 0:
            with suppress(OSError):
                line.send(pid.to_bytes(8, "little"))
            self.lines[pid] = line
            self.selector.register(line, selectors.EVENT_READ, pid)
            self.selector.register(os.pidfd_open(pid), selectors.EVENT_READ, pid)
        return None

    def fits(self, said: dict[str, Any]) -> bool:
        """Whether a fork of this process is what a start would have been."""
        theirs = said["environment"]
        names = [name for name in {*theirs, *self.before} if READ_AT_IMPORT.match(name)]
        same = all(
            (theirs.get(name) or None) in (self.before.get(name) or None, self.after.get(name)) for name in names
        )
        place = [os.readlink(f"/proc/self/ns/{kind}") for kind in ("mnt", "net", "pid", "user")]
        place += [Path("/proc/self/cgroup").read_text(), os.getuid(), os.getgid()]
        params = Path(said["cwd"]) / "params.yaml"
        chosen = ONEDNN.search(params.read_text(errors="replace")) if params.is_file() else None
        onednn = not chosen or str(int(chosen[1] == "true")) == self.after["TF_ENABLE_ONEDNN_OPTS"]
        return same and onednn and place == said["place"] and said["limits"] == self.limits

    def gone(self, pid: int) -> None:
        """Kill the child of a client that was killed: to the tests, both are one process."""
        self.selector.unregister(self.lines[pid])
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL) if os.getpgid(pid) == pid else os.kill(pid, signal.SIGKILL)

    def ended(self, pid: int, watched: int) -> None:
        """Tell a client how its child ended."""
        self.selector.unregister(watched)
        os.close(watched)
        _, status, _ = os.wait4(pid, 0)
        line = self.lines.pop(pid)
        with suppress(KeyError, ValueError):
            self.selector.unregister(line)
        with suppress(OSError):
            line.send(os.waitstatus_to_exitcode(status).to_bytes(8, "little", signed=True))
        line.close()


def received(line: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """What a client says, and its three streams."""
    fds = array.array("i")
    size, ancillary, _, _ = line.recvmsg(8, socket.CMSG_LEN(3 * fds.itemsize))
    for _, _, data in ancillary:
        fds.frombytes(data)
    data = b""
    while len(data) < int.from_bytes(size, "little"):
        if not (more := line.recv(1 << 20)):
            raise EOFError
        data += more
    if len(fds) != 3:
        raise ValueError("three streams")
    return marshal.loads(data), list(fds)


def adopt(streams: list[int], unbuffered: bool) -> None:
    """Let the client's streams be those of this process, and close all else."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2 and not os.path.realpath(f"/proc/self/fd/{name}").startswith("/dev/"):
            with suppress(OSError):
                os.close(int(name))
    sys.stdin = sys.__stdin__ = open(0, closefd=False)  # type: ignore[misc]  # noqa: SIM115
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = io.TextIOWrapper(
            open(number, "wb", 0 if unbuffered else -1, closefd=False), "utf-8",  # noqa: SIM115
            errors="strict" if number == 1 else "backslashreplace",
            line_buffering=number == 2 or os.isatty(number), write_through=unbuffered,
        )  # fmt: skip
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def become(said: dict[str, Any], programs: str) -> tuple[str, str]:
    """Take over folder, environment, group and arguments of the client; returns what it runs."""
    option, what, *words = said["arguments"]
    os.chdir(said["cwd"])
    os.umask(said["umask"])
    for number, ignored in zip((signal.SIGHUP, signal.SIGTERM, signal.SIGINT), said["ignored"], strict=True):
        usual = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
        signal.signal(number, signal.SIG_IGN if ignored else usual)
    with suppress(OSError):
        os.setsid() if said["leads"] else os.setpgid(0, said["group"])
    os.environ.clear()
    os.environ.update(said["environment"])
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.path[0] = said["cwd"] if option == "-m" else ""
    sys.argv = ["-c" if option == "-c" else str(Path(sys.executable).with_name(what)), *words]
    if what != "dvc":
        sys.executable = str(Path(programs) / "python")  # what it starts itself may be forked as well
    import numpy as np

    np.random.seed()
    return option, what


def run(option: str, what: str) -> int:
    """Run a module as `python -m` does, or a text as `python -c`; returns the exit code."""
    try:
        if option == "-c":
            main = sys.modules["__main__"] = types.ModuleType("__main__")
            exec(compile(what, "<string>", "exec"), main.__dict__)
        else:
            runpy.run_module(what, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 255
        print(end.code, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        traceback.print_exc()
        return 130
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
        return 1
    return 0


def leave(code: int) -> NoReturn:
    """End as an interpreter does, without taking the imports apart."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def log(said: dict[str, Any], began: float) -> None:
    """For a profile: what a start cost, and what it imported that the server had not."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    new = sorted(name for name in sys.modules if name not in KNOWN and name.split(".")[0] != "stages")
    with open(LOG, "a") as stream:
        cpu = f"{used.ru_utime + used.ru_stime:.2f} s of {time.time() - began:.2f}"
        stream.write(f"{cpu} {' '.join(said['arguments'])[:200]!r} {said['cwd']} | {' '.join(new)}\n")


if __name__ == "__main__":
    before = dict(os.environ)
    params = Path(__file__).parents[2] / "params.yaml"
    chosen = ONEDNN.search(params.read_text())
    os.environ.update(OWN, TF_ENABLE_ONEDNN_OPTS=str(int(bool(chosen) and chosen[1] == "true")))
    sys.path[0] = os.getcwd()
    os.chdir("/")
    imported()
    Compiled.learn(Path(__file__).parents[2] / "stages")
    server = Server(socket.socket(fileno=int(sys.argv[1])), sys.argv[2], before)
    KNOWN, LOG = set(sys.modules), before.get("IMAGETRAIL_TESTS_FORK_LOG")
    gc.collect()
    gc.freeze()
    said = server.loop()
    began = time.time()
    option, what = become(said, server.programs)
    if LOG:
        atexit.register(log, said, began)
    leave(run(option, what))
