"""What the tests fork off a warm process behaves as what they start; where it could not, it is started."""

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stages.core.files import digest
from stages.core.layout import PROJECT
from tests import forking
from tests.conftest import Checkout

SHOW = """
import atexit, os, sys
atexit.register(lambda: print("last", flush=True))
streams = [sys.stdout.encoding, sys.stderr.errors, sys.stdin.read()]
names = [sys.argv[1:], os.getcwd(), sys.path[0], __name__, __spec__.name, os.environ.get("PLANTED"), oct(os.umask(0))]
print(*names, *streams, sys.stdout.isatty(), os.path.basename(__file__), sorted(os.listdir("/proc/self/fd"))[:3])
print("to the other", file=sys.stderr)
what = sys.argv[1]
if what == "code":
    sys.exit(7)
if what == "text":
    sys.exit("in words")
if what == "error":
    raise ValueError("planted")
if what == "killed":
    sys.stdout.flush()
    os.kill(os.getpid(), 9)
if what == "ended":
    os.kill(os.getpid(), 15)
"""
WARM = "import sys\nprint('great_expectations' in sys.modules)\n"


@pytest.fixture
def planted(tmp_path):
    """A folder with a `stages` of its own, and no project."""
    (tmp_path / "stages").mkdir()
    (tmp_path / "stages/__init__.py").touch()
    (tmp_path / "stages/__main__.py").write_text(SHOW)
    return Checkout(tmp_path)


def started(folder, *words, cold, **variables):
    """Code, output and errors of `python -m stages`; the frames of what runs a module are Python's own."""
    variables |= {forking.COLD: "1"} if cold else {}
    done = folder.stage(*words, ok=False, **variables)
    said = [line for line in done.stderr.splitlines() if "runpy" not in line and line[:4] != "    "]
    return done.returncode, done.stdout, said[:2] + said[-1:]


@pytest.mark.slow
@pytest.mark.parametrize("what", ["nothing", "code", "text", "error", "killed", "ended"])
def test_a_fork_behaves_as_a_start(what, planted):
    """Exit code, streams, arguments, folder, path, environment and last actions are the same."""
    assert started(planted, what, "--x", cold=False, PLANTED="é") == started(
        planted, what, "--x", cold=True, PLANTED="é"
    )


@pytest.mark.slow
@pytest.mark.parametrize("what", ["nothing", "code", "error"])
def test_a_fork_runs_a_text_as_python_does(what, planted):
    """`python -c`, with its arguments, in a `__main__` of its own."""
    code = SHOW.replace("__spec__.name", "__spec__").replace("os.path.basename(__file__)", "'__file__' in globals()")
    done = [planted.run(sys.executable, "-c", code, what, ok=False, **more) for more in ({}, {forking.COLD: "1"})]

    assert done[0].returncode == done[1].returncode and done[0].stdout == done[1].stdout
    assert done[0].stderr.splitlines()[:1] + done[0].stderr.splitlines()[-1:] == (
        done[1].stderr.splitlines()[:1] + done[1].stderr.splitlines()[-1:]
    )


@pytest.mark.slow
def test_what_can_not_be_forked_is_started(planted):
    """Another environment of an import, a limit, a stream that is handed on, an option of Python: as ever."""
    (planted.root / "stages/__main__.py").write_text(WARM)
    python = [sys.executable, "-m", "stages"]

    assert planted.run(*python).stdout == "True\n"
    assert planted.run(*python, TF_ENABLE_ONEDNN_OPTS="0").stdout == "False\n"
    assert planted.run(*python, PYTHONPATH=str(planted.root)).stdout == "False\n"
    assert planted.run("sh", "-c", 'ulimit -f 999; exec "$@"', "sh", "python", *python[1:]).stdout == "False\n"
    assert planted.run(sys.executable, "-B", "-m", "stages").stdout == "False\n"
    assert planted.run("sh", "-c", 'exec "$@" 7<.', "sh", "python", *python[1:]).stdout == "False\n"
    (planted.root / "params.yaml").write_text("runtime:\n  onednn: false\n")
    assert planted.run(*python).stdout == "False\n"


@pytest.mark.slow
@pytest.mark.parametrize("ignored", ["HUP", "INT", "TERM"])
def test_an_ignored_signal_stays_ignored(ignored, planted):
    """nohup and a shell's background begin so; and what the session ignores is not forced on others."""
    shows = "import signal\nprint([getattr(signal.getsignal(n), 'name', 'Python') for n in (1, 2, 15)])\n"
    (planted.root / "stages/__main__.py").write_text(shows)
    command = ["sh", "-c", f'trap "" {ignored}; exec "$@"', "sh", "python", "-m", "stages"]
    forked, started = planted.run(*command).stdout, planted.run(*command, **{forking.COLD: "1"}).stdout

    assert forked == started and "SIG_IGN" in forked


@pytest.mark.slow
def test_a_fork_runs_the_code_of_its_folder(planted):
    """A copy of a module of this project is called by its own path, and an edited one is what it says."""
    (planted.root / "stages/core").mkdir()
    (planted.root / "stages/core/__init__.py").touch()
    shutil.copy(PROJECT / "stages/core/errors.py", planted.root / "stages/core")
    shows = (
        "from stages.core import errors\nprint(errors.did_you_mean.__code__.co_filename, hasattr(errors, 'PLANTED'))\n"
    )
    (planted.root / "stages/__main__.py").write_text(shows)
    path = planted.root / "stages/core/errors.py"

    assert planted.stage().stdout == f"{path} False\n"
    path.write_text(path.read_text() + "\nPLANTED = 1\n")
    assert planted.stage().stdout == f"{path} True\n"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_signal_to_the_client_ends_the_fork(number, planted):
    """Whoever kills the process that they started has killed what it does."""
    waits = "import os, sys, time\nprint(os.getpid(), flush=True)\ntime.sleep(60)\n"
    (planted.root / "stages/__main__.py").write_text(waits)
    command = [forking.client_of(sys.executable), "-m", "stages"]
    with subprocess.Popen(command, cwd=planted.root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        pid = int(process.stdout.readline())
        process.send_signal(number)
        code = process.wait(60)
        process.stdout.read()  # ends with the last who holds the stream

    assert code in (-number, 128 + number)
    until = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < until, "the fork lives on"
        time.sleep(0.01)


@pytest.mark.slow
def test_a_training_in_a_fork_gives_the_same_bytes(project):
    """TensorFlow starts after the fork, as it does in a process of its own."""
    for node in ("download", "validate", "normalize"):
        project.stage(node)
    hashes = []
    for cold in (False, True):
        project.stage("train", "plain", **({forking.COLD: "1"} if cold else {}))
        files = (project.root / "data/candidates/plain").rglob("*")
        hashes.append({path.name: digest(path) for path in files if path.is_file()})

    assert hashes[0] == hashes[1] and "model.keras" in hashes[0]
