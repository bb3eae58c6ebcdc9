"""The closing box: champion and why, time by stage with what was cached, the report page, what to do next."""

import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from stages.core.files import write_json
from stages.core.layout import PROJECT, Layout
from stages.core.reporting.closing import (
    StageTime,
    boxed,
    closing_box,
    note_stage,
    path_of,
    pipeline_start,
    report_ran,
    stage_lines,
    stage_names,
    stage_times,
)
from stages.core.settings.params import load

PARAMS = load(PROJECT / "params.yaml")


def known(**finished):
    """Stages of 61 s each that ended at these times."""
    return {name: StageTime(name, 61.0, 50.0, at) for name, at in finished.items()}


def test_what_ran_has_its_time_and_what_did_not_is_called_cached():
    """By when it ended: before the run began, or never on this machine, means that DVC took it from its cache."""
    lines = stage_lines(["download", "validate", "report"], known(download=5.0, report=20.0), since=10.0)

    assert lines == ["1 min 1 s: report 1 min 1 s", "cached: download, validate"]


def test_nothing_to_do_is_said():
    """A run in which no stage had to run."""
    assert stage_lines(["download"], known(download=5.0), since=10.0) == ["all 1 up to date, nothing had to run"]


def test_the_stages_are_those_of_params():
    """In the order of the pipeline, each entry by its name as `python -m stages` takes it."""
    names = stage_names(PARAMS)

    assert names[:4] == ["download", "validate", "normalize", "train plain"]
    assert names[-2:] == ["evaluate plain-tuned", "report"] and "tune plain" in names


def test_a_stage_notes_its_time(tmp_path):
    """Where no node reads it, and as it is read back."""
    note_stage(Layout(tmp_path), "train plain")

    assert path_of(Layout(tmp_path), "train plain") == tmp_path / "reports/timings/stages/train@plain.json"
    noted = stage_times(Layout(tmp_path), ["train plain", "report"])["train plain"]
    assert noted.wall_s > 0 and noted.cpu_s > 0


@pytest.mark.parametrize(("since", "ran"), [(10.0, True), (30.0, False)])
def test_the_box_is_shown_once(tmp_path, since, ran):
    """`make repro` shows it itself only where the report had not to be made."""
    layout = Layout(tmp_path)
    assert not report_ran(layout, since)
    write_json(path_of(layout, "report"), vars(StageTime("report", 1.0, 1.0, 20.0)))

    assert report_ran(layout, since) is ran


def test_the_box_names_champion_reason_page_and_next_step(tmp_path):
    """From files alone, no wider than its frame."""
    why = ["plain leads with a validation accuracy of 0.9778.", "It beats every other at 95 %.", "A third sentence."]
    write_json(tmp_path / "reports/champion.json", {"candidate": "plain", "why": why})
    box = closing_box(Layout(tmp_path), PARAMS, 0.0, running="report")

    assert "plain. plain leads with a validation accuracy of 0.9778. It beats every other at 95 %." in " ".join(
        box.replace("│", " ").split()
    )
    assert "A third sentence" not in box and "report.md" not in box
    assert "reports/index.html" in box and "imagetrail promote" in box and "cached: download" in box


def test_without_a_champion_the_box_says_so(tmp_path):
    """Every candidate failed: no name is made up."""
    params = replace(PARAMS)
    write_json(tmp_path / "reports/champion.json", {"candidate": None, "why": ["There is no champion: none finished."]})

    assert "none. There is no champion" in closing_box(Layout(tmp_path), params, 0.0)


def test_lines_of_a_box_are_equally_long():
    """Unless a path sticks out, which must be copied whole."""
    lines = boxed({"a": ["word " * 40], "b": ["short"]}, 60).splitlines()

    assert len({len(line) for line in lines}) == 1 and len(lines[0]) == 60
    assert "x" * 100 in boxed({"a": ["x" * 100]}, 60)


def test_the_run_began_when_dvc_did(tmp_path, monkeypatch):
    """Found among the ancestors, however many shells or wrappers lie between; outside of DVC nothing is called cached."""
    code = "from stages.core.reporting.closing import pipeline_start; print(pipeline_start())"
    (tmp_path / "dvc").write_text(f'#!/bin/bash\nsleep 0.2; bash -c \'"{sys.executable}" -c "{code}"; true\'; true\n')
    (tmp_path / "dvc").chmod(0o755)
    before = time.time()
    found = subprocess.run(
        [tmp_path / "dvc"], env={**os.environ, "DVC_STAGE": "report"}, cwd=PROJECT, capture_output=True, check=True
    )

    assert before - 0.1 <= float(found.stdout) <= before + 0.2
    monkeypatch.delenv("DVC_STAGE", raising=False)
    assert pipeline_start() == 0.0
