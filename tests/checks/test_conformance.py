"""Every file in stages/checks/ keeps the contract of a check, by being there."""

import subprocess
import sys
import typing
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from stages.core.gate.findings import Severity
from stages.core.gate.gating import inspect
from stages.core.gate.promises import Subject
from stages.core.layout import PROJECT
from stages.core.settings.entries import kinds
from tests import gate

NAMES = kinds("checks")


def blanked(subject: Subject) -> Subject:
    """The same subject with no row left."""
    return replace(subject, images=subject.images.iloc[:0])


@pytest.fixture(scope="module")
def subjects(tmp_path_factory):
    """The clean set with the search for near copies, and sets at the edge of what there can be."""
    clean = gate.clean()
    sets = {
        "one class": {name: data for name, data in clean.items() if name < "b"},
        "one image": {"ash/1.jpg": gate.jpeg(0, 1)},
        "all unreadable": {f"{label}/{i}.jpg": b"no image" for label in "ab" for i in range(3)},
        "all alike": {f"{label}/{i}.jpg": gate.jpeg(0, 1) for label in "ab" for i in range(20)},
        "all blank": {f"a/{i}.jpg": gate.encoded(np.zeros((9, 9, 3), np.uint8)) for i in range(20)},
    }
    made = {
        "clean": gate.subject(tmp_path_factory.mktemp("set"), clean, near_copies=gate.shipped().tree.split.near_copies)
    }
    made |= {name: gate.subject(tmp_path_factory.mktemp("set"), files) for name, files in sets.items()}
    return made | {"no image": blanked(made["clean"])}


def measured(subject, name):
    """What a check measures of a subject, with the options of params.yaml."""
    entry = gate.checks(name)[name]
    return entry.module("checks").measure(subject, entry.options)


@pytest.mark.parametrize("name", NAMES)
def test_a_clean_set_keeps_every_promise(subjects, name):
    """There is nothing to find in it."""
    assert gate.broken(inspect(subjects["clean"], gate.checks(name)), name) == []


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("edge", ["one class", "one image", "all unreadable", "all alike", "all blank", "no image"])
def test_it_works_at_the_edge(subjects, name, edge):
    """Whatever is left, every promise is judged, and what is broken can be said."""
    for finding in inspect(subjects[edge], gate.checks(name)).findings:
        assert finding.message and "nan" not in finding.message
        assert isinstance(finding.observed, int | float) and np.isfinite(finding.observed)


@pytest.mark.parametrize("name", NAMES)
def test_its_promises_are_about_what_it_measures(subjects, name):
    """Every promise bounds one measure, on one side at least, with a severity that there is."""
    entry = gate.checks(name)[name]
    found = measured(subjects["clean"], name)
    promises = entry.module("checks").promises(entry.options)

    assert promises and entry.module("checks").__doc__.startswith(f"{name}: ")
    for promise in promises:
        assert promise.measure in found and promise.text
        assert promise.worst is None or isinstance(found[promise.worst], pd.Series)
        assert promise.severity in typing.get_args(Severity)
        assert {promise.minimum, promise.maximum, promise.among} != {None}
    assert all(isinstance(value, float | int | pd.Series) for value in found.values())


@pytest.mark.parametrize("name", NAMES)
def test_no_other_check_has_measures_of_that_name(subjects, name):
    """All that is bounded stands in one table for Great Expectations."""
    own = {promise.measure for promise in promises_of(name)}

    assert not [other for other in NAMES if other != name and own & {promise.measure for promise in promises_of(other)}]


def promises_of(name):
    entry = gate.checks(name)[name]
    return entry.module("checks").promises(entry.options)


@pytest.mark.parametrize("name", NAMES)
def test_measuring_changes_nothing_and_repeats(subjects, name):
    """The subject stays as it was, and a second look finds the same."""
    subject = subjects["clean"]
    before, thumbnails = subject.images.copy(deep=True), subject.thumbnails.copy()

    first, second = measured(subject, name), measured(subject, name)

    pd.testing.assert_frame_equal(subject.images, before)
    assert (subject.thumbnails == thumbnails).all()
    for key, value in first.items():
        if isinstance(value, pd.Series):
            pd.testing.assert_series_equal(value, second[key])
        else:
            assert value == second[key]


@pytest.mark.parametrize("name", NAMES)
def test_every_option_stands_in_params_yaml(name):
    """No number has a default in code: the file of a check has no opinion."""
    options = gate.checks(name)[name].options
    fields = type(options).model_fields

    assert all(field.is_required() for field in fields.values())
    assert set(gate.shipped().tree.checks[name]) == set(fields)


def test_reading_params_yaml_imports_nothing_heavy():
    """A typo is told in half a second, not after five."""
    code = (
        "import sys; from stages.core.settings.params import open_project; open_project();"
        "print([name for name in ('great_expectations', 'sklearn', 'tensorflow', 'keras', 'cleanlab') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
