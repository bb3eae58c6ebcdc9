"""The live line: what, done/all and time left of work that lasts; nothing of work that is quick."""

import io
import re
import time
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core import console
from stages.core.console import Bar, duration, progress, say, seconds_left, working


class Stream(io.StringIO):
    """A stderr that is, or is not, a terminal."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture
def stderr(request, monkeypatch):
    """Stderr as a terminal or a log file, with the waits a hundredth of what they are."""
    stream = Stream(request.param)
    monkeypatch.setattr(console, "sys", SimpleNamespace(stderr=stream))  # pytest exchanges sys.stderr itself
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(console, "SHOWN_AFTER_S", 0.02)
    monkeypatch.setattr(console, "LINE_EVERY_S", 0.1)
    return stream


def bar_at(total, done, first, last, share=0.0):
    """A bar whose clock read these times, and 0 at first; one part was done at `first`, the others by `last`."""
    bar = Bar(total, "train", "epochs")
    bar.n, bar.n_first, bar.began, bar.first, bar.last, bar.share = done, min(done, 1), 0, first, last, share
    return bar


def test_time_left_leaves_out_the_first_part():
    """Ten epochs, the first of 30 s with compilation and two of 2 s: seven more take 14 s, not 79."""
    assert seconds_left(bar_at(10, 3, 30, 34), now=34) == 14
    assert seconds_left(bar_at(10, 3, 30, 34), now=35) == 13


def test_time_left_of_the_first_part_is_known_from_its_steps():
    """A tenth of the first of five epochs took 6 s: the rest takes 294 s. Before the first step nothing is known."""
    assert seconds_left(bar_at(5, 0, 0, 0, share=0.1), now=6) == pytest.approx(294)
    assert seconds_left(bar_at(5, 0, 0, 0), now=6) is None


@given(st.integers(1, 50), st.data())
def test_time_left_is_never_negative_and_none_at_the_end(total, data):
    """Whatever the clock says, nobody reads a negative time; when all is done, none is left."""
    done = data.draw(st.integers(1, total))
    first, last, now = sorted(data.draw(st.lists(st.floats(0, 1e4), min_size=3, max_size=3)))

    left = seconds_left(bar_at(total, done, first, last), now)
    assert left is not None and left >= 0
    assert seconds_left(bar_at(total, total, first, last), now) == 0


def test_durations_are_read_at_a_glance():
    """Seconds, minutes or hours: two units at most."""
    assert [duration(s) for s in (0.4, 59.4, 61, 7500)] == ["0 s", "59 s", "1 min 1 s", "2 h 5 min"]


def test_the_line_says_what_is_under_way_and_the_last_numbers():
    """Name, done/all, the part under way, numbers and time left."""
    bar = bar_at(20, 0, 0, 0)
    bar.update(loss="0.5000", val_accuracy="0.9000")
    bar.within("step 3/57", 3 / 57)

    line = bar.text(time.monotonic())
    assert re.fullmatch(r"train: 1/20 epochs, .* left, step 3/57, loss 0\.5000, val_accuracy 0\.9000", line)


@pytest.mark.parametrize("stderr", [True, False], indirect=True, ids=["terminal", "log"])
def test_quick_work_prints_nothing(stderr):
    """No line, and no control code, for what is over at once."""
    assert list(progress(range(1000), 1000, "counting")) == list(range(1000))
    with working("a moment"):
        pass

    assert stderr.getvalue() == ""


@pytest.mark.parametrize("stderr", [False], indirect=True)
def test_a_log_gets_plain_lines_now_and_then(stderr):
    """Not a terminal: whole lines, no control codes, a few of them; what is within shares the line."""
    with working("evaluate plain"):
        for _ in progress(range(5), 5, "bootstrap", "resamples"):
            time.sleep(0.06)

    lines = stderr.getvalue().splitlines()
    assert 1 <= len(lines) <= 3 and "\x1b" not in stderr.getvalue() and "\r" not in stderr.getvalue()
    assert re.fullmatch(r"evaluate plain, 0 s so far \| bootstrap: \d/5 resamples, 0 s left", lines[-1])


@pytest.mark.parametrize("stderr", [True], indirect=True)
def test_a_terminal_keeps_no_trace_of_the_line(stderr):
    """It is wiped before another line is printed, and at the end."""
    with Bar(3, "reading", "images"):
        time.sleep(0.15)
        say("warning: something else")

    first, rest = stderr.getvalue().split("warning: something else\n")
    assert first.startswith("\rreading: 0/3 images") and first.endswith("\r\x1b[K")
    assert rest == "" or rest.endswith("\r\x1b[K")


@pytest.mark.parametrize("stderr", [False], indirect=True)
def test_work_that_others_do_is_looked_at(stderr):
    """The trials of workers are counted where they end, with the best so far."""
    with Bar(6, "tune plain", "trials", look=lambda: (2, ", best 0.9741")):
        time.sleep(0.15)

    assert stderr.getvalue().startswith("tune plain: 2/6 trials, 0 s left, best 0.9741")
