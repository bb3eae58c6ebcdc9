"""Every file in stages/health is an examination that the doctor can make anywhere."""

import ast
import sys
import time

import pytest

from stages.core.doctor.examining import examinations, examine, examined, worst
from stages.core.doctor.findings import LEVELS, Finding, Patient
from stages.core.layout import PROJECT, Layout


@pytest.mark.parametrize("name", examinations())
def test_an_examination_says_what_it_examines(name):
    """Its docstring opens with its name, and it offers `examine`."""
    tree = ast.parse((PROJECT / f"stages/health/{name}.py").read_text())

    assert ast.get_docstring(tree).startswith(f"{name}: ")
    assert "examine" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("name", examinations())
def test_an_examination_stands_any_checkout(name, tmp_path, monkeypatch):
    """In an empty folder it finds something to say, in a sentence; what is not right comes with advice."""
    monkeypatch.delenv("DVC_ROOT", raising=False)
    found = examine(name, Patient(Layout(tmp_path)))

    assert found
    for finding in found:
        assert isinstance(finding, Finding) and finding.level in LEVELS and finding.text
        assert finding.level == "ok" or finding.advice or finding.text.startswith("can't be examined")


@pytest.mark.parametrize("name", examinations())
def test_an_examination_imports_nothing_heavy(name):
    """TensorFlow, MLflow and pandas are imported where they are used, or never."""
    tree = ast.parse((PROJECT / f"stages/health/{name}.py").read_text())
    named = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    named |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert not {module.split(".")[0] for module in named} & {"tensorflow", "keras", "mlflow", "pandas"}


def test_a_missing_package_stops_no_other_examination(tmp_path, monkeypatch):
    """It is named, and the rest is examined all the same."""
    monkeypatch.setitem(sys.modules, "pydantic", None)
    monkeypatch.delitem(sys.modules, "stages.health.settings", raising=False)
    for module in [name for name in sys.modules if name.startswith(("stages.core.settings", "stages.core.tracking"))]:
        monkeypatch.delitem(sys.modules, module)
    report = examined(Patient(Layout(tmp_path)))

    assert "package 'pydantic' is missing" in report["settings"][0].text
    assert report["gpu"][0].level in LEVELS and report["disk"][0].text.endswith("MB")
    assert worst(report) == "broken"


def test_the_doctor_is_quick(tmp_path):
    """It examines without importing MLflow or TensorFlow (the time itself stands in docs/log.md)."""
    began, before = time.perf_counter(), {"tensorflow", "mlflow"} & sys.modules.keys()
    examined(Patient(Layout(tmp_path)))

    assert {"tensorflow", "mlflow"} & sys.modules.keys() == before
    assert time.perf_counter() - began < 60
