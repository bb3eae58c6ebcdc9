"""No call into a store is waited for without end, and none that works is cut short."""

import subprocess
import sys
import threading
import time

import pytest

from stages.core.tracking.waiting import Bounded, NoAnswer, at_most, within


def test_the_answer_is_handed_on():
    """A call that answers is as if it were called directly."""
    assert within(1, lambda: 7) == 7


def test_an_error_is_handed_on():
    """What the store raises is raised here."""
    with pytest.raises(KeyError, match="gone"):
        within(1, lambda: {}["gone"])


def test_a_call_that_hangs_is_given_up():
    """It ends with NoAnswer, while the call still hangs."""
    free = threading.Event()
    with pytest.raises(NoAnswer, match=r"within 0\.3 s"):
        within(0.3, free.wait)
    free.set()


def test_a_call_that_computes_is_not_given_up():
    """A store on a busy machine is slow, not gone."""

    def busy() -> str:
        end = time.thread_time() + 1
        while time.thread_time() < end:
            pass
        return "done"

    assert within(0.4, busy) == "done"


def test_an_upload_whose_bytes_move_is_not_given_up(tmp_path):
    """A large model may take its time on a thin line; the same pace without bytes is a hang."""
    path = tmp_path / "model"
    path.write_bytes(b"x" * 1_000_000)

    def upload() -> str:
        with path.open("rb") as stream:
            while stream.read(100_000):
                time.sleep(0.1)
        return "done"

    assert within(0.5, upload, counts_bytes=True) == "done"
    with pytest.raises(NoAnswer):
        within(0.5, upload)


def test_a_hanging_call_does_not_keep_the_process():
    """The interpreter exits although a call still hangs."""
    program = "import time\nfrom stages.core.tracking.waiting import *\ntry: within(0.2, lambda: time.sleep(600))\nexcept NoAnswer: print('given up')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stdout) == (0, "given up\n")


def test_a_process_that_is_ending_waits_a_moment_at_most():
    """Whether it worked is told, nothing is raised."""
    assert at_most(1, lambda: None)
    assert not at_most(0.2, threading.Event().wait)
    assert not at_most(1, lambda: 1 / 0)


def test_every_call_of_a_client_is_bounded():
    """Also of those that nobody thought of; and none is made where it is not allowed."""
    free = threading.Event()

    class Client:
        def search(self, for_what: str) -> str:
            return for_what

        def hang(self) -> None:
            free.wait()

    client = Bounded(Client(), 0.3, lambda: None)
    assert client.search("runs") == "runs"
    with pytest.raises(NoAnswer):
        client.hang()
    free.set()
    with pytest.raises(ZeroDivisionError):
        Bounded(Client(), 0.3, lambda: 1 / 0).search("runs")
