"""Faults of the machine: a clear end, nothing lost, and the next run ends with the right bytes.

The whole table, every fault at every node, is benchmarks/faults_table.py; these are the short ones of it.
"""

import os
import shutil
import subprocess
import time

import pytest

from tests.conftest import checkout
from tests.test_bad_input import (
    assert_refused,
    built,
    changed,
    copied,
    from_archive,
    from_folder,
    half_written,
    outputs,
    picture,
    plain_class,
    zipped,
)

pytestmark = pytest.mark.slow
BACKWARDS = """
import time

began, steady, own = time.time(), time.monotonic(), time.time_ns


def backwards():
    return began - 1000 * (time.monotonic() - steady)


time.time = backwards
time.time_ns = lambda: int(backwards() * 1e9)
"""


@pytest.fixture(scope="module")
def validated(tmp_path_factory):
    """A small project that has been downloaded and validated; tests take copies of it."""
    files = plain_class("a", 30, 1000) | plain_class("b", 30, 2000)
    made = built(tmp_path_factory.mktemp("validated"), files, {"normalize.height": 24, "normalize.width": 24})
    made.stage("validate")
    return made


@pytest.fixture(scope="module")
def wanted(validated, tmp_path_factory):
    """What normalize makes of it where nothing is wrong."""
    made = copied(validated, tmp_path_factory.mktemp("wanted") / "copy")
    made.stage("normalize")
    return {name: found for name, found in outputs(made).items() if name.startswith("data/")}


def goes_on(project, wanted):
    """The next run ends with the right bytes, and nothing half-written is left."""
    project.stage("normalize")

    assert {name: found for name, found in outputs(project).items() if name.startswith("data/")} == wanted
    assert half_written(project) == []


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own with 24 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting needs root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_is_a_sentence(validated, wanted, small_disk):
    """What stood there before stays; with room again, the same command does it."""
    made = copied(validated, small_disk / "project")
    before = outputs(made)
    room = shutil.disk_usage(small_disk).free - 12_000
    (small_disk / "filler").write_bytes(bytes(room))
    assert_refused(made, made.stage("normalize", ok=False), "the disk is full")

    assert outputs(made) == before
    (small_disk / "filler").unlink()
    goes_on(made, wanted)


def test_a_limit_on_the_size_of_files_is_a_sentence(validated, wanted, tmp_path):
    """As a batch system sets it: the write fails, and the process is not killed."""
    made = copied(validated, tmp_path / "copy")
    done = made.run("sh", "-c", 'ulimit -f 16; exec "$@"', "sh", "python", "-m", "stages", "normalize", ok=False)
    assert_refused(made, done, "larger than this system")

    goes_on(made, wanted)


def test_a_clock_that_runs_backwards_changes_nothing(validated, wanted, tmp_path):
    """Neither bytes nor the end of a stage depend on the time of day."""
    made = copied(validated, tmp_path / "copy")
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock/sitecustomize.py").write_text(BACKWARDS)
    for stage in ("download", "validate", "normalize"):
        made.stage(stage, PYTHONPATH=str(tmp_path / "clock"))

    assert {name: found for name, found in outputs(made).items() if name.startswith("data/")} == wanted


def test_a_ledger_may_go_back_in_time(tmp_path):
    """Its order is that of its chain; the time of a line is only read by people."""
    from stages.core.auditing import ledger
    from stages.core.layout import Layout

    class Earlier:
        def __init__(self):
            self.hour = 23

        def now(self, zone):
            from datetime import datetime

            self.hour -= 1
            return datetime(2026, 1, 1, self.hour, tzinfo=zone)

    own, ledger.datetime = ledger.datetime, Earlier()
    try:
        lines = [ledger.append(Layout(tmp_path), "decision", {"n": n}) for n in range(3)]
    finally:
        ledger.datetime = own

    assert len(lines) == 3 and ledger.restore(Layout(tmp_path)) == 3


def test_a_source_that_is_gone_is_missed_only_by_download(tmp_path):
    """The later nodes need no source; download says what is missing, and `dvc checkout` brings its outs back."""
    made = checkout(tmp_path / "project")
    archive = zipped(tmp_path / "set.zip", plain_class("a", 30, 1000) | plain_class("b", 30, 2000))
    changed(made, from_archive(archive))
    made.run("dvc", "repro", "validate")
    before = outputs(made)
    archive.unlink()
    made.run("dvc", "repro", "normalize")
    done = made.run("dvc", "repro", "-f", "download", ok=False)

    assert done.returncode and "Traceback" not in done.stderr and "no such file" in done.stderr
    made.run("dvc", "checkout", "download")
    assert before.items() <= outputs(made).items()


def test_two_repros_at_once_end_with_the_right_bytes(tmp_path):
    """DVC lets one of them wait or refuses it as busy; the next one finds all in order."""
    made = checkout(tmp_path / "project")
    folder = tmp_path / "pictures"
    for number in range(60):
        (folder / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        (folder / "ab"[number % 2] / f"{number}.png").write_bytes(picture(number))
    changed(made, from_folder(folder))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("DVC_")}
    command = ["dvc", "repro", "validate"]
    running = []
    for _ in range(2):
        running.append(
            subprocess.Popen(command, cwd=made.root, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        )
        time.sleep(0.5)
    said = [process.communicate()[1].decode() for process in running]
    failed = [text for process, text in zip(running, said, strict=True) if process.returncode]
    made.run("dvc", "repro", "validate")

    assert len(failed) < 2 and all("busy" in text or "lock" in text for text in failed)
    assert "Traceback" not in "".join(said) and (made.root / "data/manifest.parquet").exists()
    assert half_written(made) == []
