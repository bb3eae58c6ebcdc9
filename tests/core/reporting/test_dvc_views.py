"""What `dvc metrics diff`, `dvc exp show` and `dvc plots diff` show: few numbers, and the tables that dvc.yaml names."""

import json
from dataclasses import replace

import pandas as pd
import pytest
from ruamel.yaml import YAML

from stages.core.evaluating.sheets import write_sheets
from stages.core.files import read_text_csv, write_csv
from stages.core.layout import PROJECT
from stages.core.reporting.dvc_views import summary, write_plots
from stages.core.reporting.standing import standings
from stages.core.settings.params import load
from tests.core.governance.data_set import CLASSES, data_set, evaluated

PIPELINE = YAML(typ="safe").load((PROJECT / "dvc.yaml").read_text())
SHOWN = {name: about for plot in PIPELINE["plots"] if isinstance(plot, dict) for name, about in plot.items()}
PICTURES = [plot for plot in PIPELINE["plots"] if isinstance(plot, str)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two candidates, their standings, and the folder of plots."""
    root = tmp_path_factory.mktemp("made")
    layout = data_set(root)
    for name in ("plain", "other"):
        evaluated(layout, name)
        folder = layout.evaluation(name)
        write_csv(
            folder / "history.csv", pd.DataFrame({"epoch": [1, 2], "val_accuracy": [0.5, 0.6], "val_loss": [2.0, 1.0]})
        )
        write_sheets(folder, layout.archive, load(PROJECT / "params.yaml").tree.evaluate)
    order = standings(layout, ["plain", "other"])
    layout.plots.mkdir()
    write_plots(layout.plots, order, order[0])
    return layout, order


def test_the_summary_is_small(made):
    """The champion, four of its numbers, and one of each candidate: what fits a line of a terminal."""
    _, order = made
    got = summary(order, order[0])

    assert got["champion"] == "plain"
    assert list(got["val"]) == ["plain", "other"]
    assert set(got) == {"champion", "val_accuracy", "test_accuracy", "test_log_loss", "test_ece", "val"}
    assert got["test_ece"] == pytest.approx(order[0].metrics["test_ece"], rel=1e-5)
    assert len(str(got["test_ece"])) <= 9


def test_without_a_champion_it_says_so(made):
    """Failed candidates, and none at all, leave a file that DVC can read."""
    _, order = made
    failed = [replace(one, record={**one.record, "failure": "NaN"}, metrics={}) for one in order]

    assert summary(failed, None) == {"champion": "none", "val": {}}


def test_plots_without_a_champion(made, tmp_path):
    """Every table is there, and empty."""
    _, order = made
    write_plots(tmp_path, [replace(one, record={**one.record, "failure": "NaN"}) for one in order], None)

    assert read_text_csv(tmp_path / "confusion.csv", ()).empty
    assert {path.name for path in tmp_path.iterdir()} == {
        "training.csv", "roc.csv", "risk_coverage.csv", "reliability.csv", "confusion.csv"
    }  # fmt: skip


@pytest.mark.parametrize("name", SHOWN)
def test_every_plot_of_the_pipeline_has_its_columns(made, name):
    """x and y of each plot in dvc.yaml are columns of the table it names; so is `candidate` where the template asks."""
    layout, _ = made
    ((path, y),) = SHOWN[name]["y"].items()
    table = pd.read_csv(layout.root / path)

    assert {SHOWN[name]["x"], y} <= set(table)
    if SHOWN[name]["template"] == "by_candidate":
        assert list(table["candidate"].unique()) == ["plain", "other"]


def test_every_picture_of_the_pipeline_is_written(made):
    """All but the Pareto front, which stands elsewhere, are in the folder; the numbers are where `metrics` says."""
    layout, _ = made

    assert all((layout.root / path).exists() for path in PICTURES if path.startswith("reports/plots"))
    assert layout.pareto.relative_to(layout.root).as_posix() in PICTURES
    assert PIPELINE["metrics"] == [layout.summary.relative_to(layout.root).as_posix()]


def test_the_template_is_one_of_dvcs(made):
    """It has the anchors that DVC fills in."""
    text = (PROJECT / ".dvc/plots/by_candidate.json").read_text()

    for anchor in ("DATA", "TITLE", "X", "Y", "X_LABEL", "Y_LABEL", "COLOR"):
        assert f'"<DVC_METRIC_{anchor}>"' in text
    assert json.loads(text)["facet"]["field"] == "candidate"


def test_a_row_an_image_says_what_is_confused(made):
    """Names of the true and of the predicted class, of each test image."""
    layout, _ = made
    table = read_text_csv(layout.plots / "confusion.csv", ("actual", "predicted"))

    assert len(table) == 15
    assert set(table["actual"]) == set(CLASSES)
