"""How a process ends that is told to: cleaning up, saying its last words, and by force where it hangs."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

GUARDED = """
import hashlib, sys, time
from stages.core import stopping
from stages.core.console import run
stopping.STOP_S = {stop_s}
def ready():
    print("ready", flush=True)  # from where the signal is to find it
def main():
    {body}
sys.exit(run(main))
"""


def started(body, stop_s=20.0):
    """Start a process that runs a body, guarded, and wait until it does."""
    code = GUARDED.format(body=body, stop_s=stop_s)
    environment = {**{k: v for k, v in os.environ.items() if k != "DVC_STAGE"}}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_with_a_sentence_and_cleans_up(number, code):
    """As an exception that `except Exception` does not swallow; the exit code is the shell's."""
    body = """
    try:
        ready()
        time.sleep(60)
    except Exception:
        print("swallowed")
    finally:
        print("cleaned up")"""
    process = started(body)
    process.send_signal(number)
    out, said = process.communicate(timeout=30)

    assert process.returncode == code
    assert out == "cleaned up\n" and said.startswith(f"error: ended by {signal.Signals(number).name};")


def test_a_deferred_signal_waits_for_a_good_moment():
    """Who defers it is asked between two steps, and it is raised at the end where nobody asked."""
    body = """
    with stopping.deferred() as stop:
        ready()
        while not stop.asked:
            time.sleep(0.01)
        print("saved")
    print("never")"""
    process = started(body)
    process.terminate()
    out, _ = process.communicate(timeout=30)

    assert (process.returncode, out) == (143, "saved\n")


@pytest.mark.parametrize("hang", ["hashlib.pbkdf2_hmac('sha256', b'a', b'b', 10**9)", "while True: time.sleep(1)"])
def test_what_hangs_is_ended_by_force_after_its_last_words(hang):
    """In native code no handler of Python runs, and a deferred signal may never be asked for."""
    body = f"""
    with stopping.deferred(), stopping.last_words(lambda: print("my last words", flush=True)):
        ready()
        {hang}"""
    process = started(body, stop_s=0.5)
    process.terminate()
    out, _ = process.communicate(timeout=30)

    assert (process.returncode, out) == (143, "my last words\n")


PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]])
print(child.pid, flush=True)
time.sleep(60)
"""
CHILD = """
import sys, time
from pathlib import Path
from stages.core.console import run
from stages.core.stopping import ending_with_parent
def main():
    with ending_with_parent({worker_of}):
        Path({path!r}).write_text("ready")
        try:
            time.sleep(60)
        finally:
            Path({path!r}).write_text("ended")
sys.exit(run(main))
"""


@pytest.mark.parametrize("kind", ["alone", "in a shell", "worker under nohup"])
def test_a_process_ends_with_its_parent(tmp_path, kind):
    """Also where a shell stands between, as under DVC, and a worker of ours under nohup; a kill is not passed on."""
    note, in_shell, in_nohup = tmp_path / "note", kind == "in a shell", kind == "worker under nohup"
    child = CHILD.format(path=str(note), worker_of="__import__('os').getppid()" if in_nohup else "")
    command = [sys.executable, "-c", PARENT, child]
    if in_shell:
        (tmp_path / "child.py").write_text(child)
        code = f"import subprocess; subprocess.run(['sh', '-c', '{sys.executable} {tmp_path / 'child.py'}; true'])"
        command = [sys.executable, "-c", code]
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)} | ({"DVC_STAGE": "train"} if in_shell else {})
    usual = signal.SIG_IGN if in_nohup else signal.SIG_DFL
    before = signal.signal(signal.SIGHUP, usual)  # nohup, with which tests may be run, is inherited
    parent = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    signal.signal(signal.SIGHUP, before)
    waited(lambda: note.exists() and note.read_text() == "ready")
    parent.kill()
    parent.wait()

    waited(lambda: note.read_text() == "ended")


def waited(condition):
    """Wait for something to come true. Fails after 30 s."""
    until = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < until, "waited too long"
        time.sleep(0.05)
