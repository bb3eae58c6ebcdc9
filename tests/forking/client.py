"""`python` and `dvc` of the tests: ask the fork server to run this command line, or run it as ever."""

import _socket
import marshal
import os
import resource
import signal
import sys

ME = os.path.abspath(sys.argv[0])
FOLDER, NAME = os.path.dirname(os.path.dirname(ME)), os.path.basename(ME)
REAL = sys.executable if NAME == "python" else os.path.join(os.path.dirname(sys.executable), NAME)
ARGUMENTS = sys.argv[1:] if NAME == "python" else ["-m", NAME, *sys.argv[1:]]
MODULES = ("stages", "stages.commands", "dvc", "mlflow", "uvicorn")


def start_as_ever():
    os.execv(REAL, [REAL, *sys.argv[1:]])


def said():
    """What decides whether a fork is the same as a start."""
    return {
        "arguments": ARGUMENTS,
        "cwd": os.getcwd(),
        "environment": dict(os.environ),
        "group": os.getpgrp(),
        "leads": os.getsid(0) == os.getpid(),
        "limits": [resource.getrlimit(number) for number in range(resource.RLIM_NLIMITS)]
        if hasattr(resource, "RLIM_NLIMITS")
        else [resource.getrlimit(number) for number in range(16)],
        "place": [os.readlink(f"/proc/self/ns/{kind}") for kind in ("mnt", "net", "pid", "user")]
        + [open("/proc/self/cgroup").read(), os.getuid(), os.getgid()],
        "ignored": [
            signal.getsignal(number) == signal.SIG_IGN for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
        ],
        "umask": umask(),
    }


def umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def inherited():
    """Streams beside the usual three, which a fork would not have."""
    return [name for name in os.listdir("/proc/self/fd") if int(name) > 2 and os.path.exists(f"/proc/self/fd/{name}")]


def ask():
    line = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    line.connect(os.path.join(FOLDER, "socket"))
    message = marshal.dumps(said())
    three = (0).to_bytes(4, "little") + (1).to_bytes(4, "little") + (2).to_bytes(4, "little")
    line.sendmsg([len(message).to_bytes(8, "little")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, three)])
    sent = 0
    while sent < len(message):
        sent += line.send(message[sent:])
    return line


def number(line):
    data = b""
    while len(data) < 8:
        more = line.recv(8 - len(data))
        if not more:
            os._exit(125)  # the server is gone
        data += more
    return int.from_bytes(data, "little", signed=True)


def main():
    can = len(ARGUMENTS) > 1 and (ARGUMENTS[0] == "-c" or (ARGUMENTS[0] == "-m" and ARGUMENTS[1] in MODULES))
    if os.environ.get("IMAGETRAIL_TESTS_COLD") or not can or inherited():
        start_as_ever()
    try:
        line = ask()
    except OSError:  # no server, or a stream of ours is closed
        start_as_ever()
    child = number(line)
    if not child:
        start_as_ever()
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(each, lambda which, _: os.kill(child, which))
    code = number(line)
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.kill(os.getpid(), -code)
    os._exit(code)


main()
