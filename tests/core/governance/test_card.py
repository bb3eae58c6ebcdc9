"""The model card: right for who reads it by machine, safe for who reads it in a browser, and the same bytes anywhere."""

from dataclasses import replace

import pytest
from ruamel.yaml import YAML

from stages.core.governance.card import card
from stages.core.layout import Layout
from stages.core.reporting.standing import standings
from tests.core.governance.data_set import data_set, evaluated


@pytest.fixture
def written(tmp_path):
    """A card, and the evaluation that it describes."""
    layout = data_set(tmp_path)
    evaluated(layout)
    standing = standings(layout, ["plain"])[0]
    return card(layout, standing, 0.95), standing


def test_the_front_matter_is_what_the_hub_reads(written):
    """One YAML mapping, whose model-index has a result a split with the numbers of the evaluation."""
    text, standing = written
    _, front, _ = text.split("---\n", 2)
    about = YAML(typ="safe").load(front)
    found = about["model-index"][0]
    values = {one["type"]: one["value"] for one in found["results"][0]["metrics"]}

    assert about["pipeline_tag"] == "image-classification" and about["library_name"] == "keras"
    assert about["datasets"] == ["pets"] and about["license"] == "unknown"
    assert found["name"] == "plain" and [one["dataset"]["split"] for one in found["results"]] == ["test", "validation"]
    assert values["accuracy"] == pytest.approx(standing.metrics["test_accuracy"], abs=1e-6)
    assert {"type", "name"} <= set(found["results"][0]["task"]) and {"type", "name"} <= set(
        found["results"][0]["dataset"]
    )


def test_a_number_stands_with_its_interval(written):
    """Accuracy and calibration, of test and validation."""
    text, standing = written
    low, high = standing.metrics["test_accuracy_low"], standing.metrics["test_accuracy_high"]

    assert f"| accuracy | {standing.metrics['test_accuracy']:.4f} ({low:.4f}–{high:.4f}) |" in text
    assert "| calibration error (ECE) | " in text


def test_how_sure_it_is_is_said(written, tmp_path):
    """Temperature and threshold with what they do; of too few mistakes, that nothing is known."""
    _, standing = written
    told = {"temperature": 1.5, "threshold": 0.9, "test_coverage": 0.5, "test_answered_accuracy": 1.0}
    told |= {"val_coverage": 0.0, "test_answered_accuracy_low": 0.8, "test_answered_accuracy_high": 1.0}
    text = card(Layout(standing.folder.parents[2]), replace(standing, metrics=standing.metrics | told), 0.95)
    assert "calibrated(told, 1.5)" in text

    assert "rests on so few mistakes that no interval is known" in text
    assert "temperature of 1.5" in text
    assert (
        "confidence of 0.9000 on it counts as sure: 50.0 % of the test images, of which 1.0000 (0.8000–1.0000)" in text
    )


def test_nothing_from_the_data_is_markup(written):
    """A class with HTML, a cell and code in its name, a message and a citation with tags: all are shown as text."""
    text, _ = written

    assert "<script>" not in text and "<b>" not in text and "<i>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\|\\`x\\`" in text
    assert all(
        line.replace("\\|", "").count("|") == 6 for line in text.splitlines() if line.startswith(("| cat", "| dog"))
    )


def test_what_is_not_known_is_said(written):
    """Licence of the model, other sources, and a single seed."""
    text, _ = written

    for said in (
        "no licence is stated for the model",
        "images from another source",
        "trained with one",
        "hardly known",
    ):
        assert said in text


def test_the_same_files_elsewhere_give_the_same_card(written, tmp_path):
    """No path, time or machine is in it."""
    other = data_set(tmp_path / "elsewhere")
    evaluated(other)

    assert card(other, standings(other, ["plain"])[0], 0.95) == written[0]
    assert str(tmp_path) not in written[0]


def test_without_a_champion_there_is_a_sentence(tmp_path):
    """The file exists, as DVC expects it."""
    assert "no champion" in card(data_set(tmp_path), None, 0.95)
