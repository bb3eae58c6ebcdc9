"""The pages of the report whatever became of the candidates: rendered from evaluations made by hand, nothing is trained."""

import re
from dataclasses import asdict, replace

import pandas as pd
import pytest

from stages.core.candidates.candidate import Candidate, write_candidate
from stages.core.evaluating.depth import evaluate_in_depth
from stages.core.files import read_json, write_csv, write_json
from stages.core.gate.findings import Finding
from stages.core.governance.card import card
from stages.core.layout import PROJECT
from stages.core.reporting.contents import Contents
from stages.core.reporting.decision import decide
from stages.core.reporting.report_candidates import WHILE_TRAINING, gaps
from stages.core.reporting.report_curves import overlaid_plots
from stages.core.reporting.report_page import page
from stages.core.reporting.report_sureness import worst_bin
from stages.core.reporting.report_text import markdown
from stages.core.settings.params import load
from tests.core.governance.data_set import CLASSES, data_set, evaluated, record

PARAMS = load(PROJECT / "params.yaml")
NAN = "the loss became NaN in epoch 3 <b>|</b>"


def failed(layout, name, classes=CLASSES):
    """A candidate whose training ended by itself, and its evaluation."""
    folder = layout.candidate(name)
    folder.mkdir(parents=True)
    told = {**record(layout, name, classes), "failure": NAN}
    write_candidate(folder, told, pd.DataFrame({"epoch": [1, 2], "loss": [1.0, 2.0]}), None)
    candidate = Candidate(folder, read_json(folder / "candidate.json"))
    evaluate_in_depth(candidate, PARAMS.tree.evaluate, layout.manifest, layout.evaluation(name))


def made(root, good=(), bad=(), classes=CLASSES):
    """What every form of the report is made of."""
    layout = data_set(root, classes)
    finding = asdict(Finding("balanced", "warning", False, 1, 2, "<i>rare</i>"))
    write_json(layout.validation / "verdict.json", {"verdict": "warn", "findings": [finding], "quarantine": {}})
    for name in good:
        evaluated(layout, name, classes)
        write_csv(
            layout.evaluation(name) / "history.csv",
            pd.DataFrame({"epoch": [1], "val_accuracy": [0.5], "val_loss": [2.0]}),
        )
    for name in bad:
        failed(layout, name, classes)
    decision = decide(layout, [*good, *bad], PARAMS.tree.report.champion, PARAMS.tree.evaluate)
    return Contents(PARAMS, layout, decision.order, decision.table, decision.choice)


def forms(contents):
    """Page, Markdown and card."""
    confidence = contents.params.tree.evaluate.confidence
    return page(contents), markdown(contents), card(contents.layout, contents.choice.champion, confidence)


def test_one_that_failed_stands_below_the_others_with_its_reason(tmp_path):
    """Its row and its section say why, nothing of it is markup, and the others are as they are without it."""
    html, text, _ = forms(made(tmp_path, good=("plain", "other"), bad=("broken",)))

    assert "failed: the loss became NaN in epoch 3 &lt;b&gt;|&lt;/b&gt;" in html and NAN not in html
    assert "3 candidates, of which 1 failed, on pets" in html and 'id="c-broken"' in html
    assert html.index('<th scope="row">broken') > html.index('<a href="#c-other">')
    assert "| broken | failed:" in text and re.search(r"Champion: \*\*(plain|other)\*\*", text)


def test_where_all_failed_the_page_says_so_and_recommends_nothing(tmp_path):
    """No champion, no number, no command to use one; the data and the checks are there."""
    html, text, told = forms(made(tmp_path, bad=("broken", "worse")))

    assert "There is no champion to use." in html and "imagetrail predict" not in html
    assert html.count("failed: the loss") == 2 and "Champion: **none**" in text and told
    assert not re.search(
        r"\bnan\b|None|Undefined", re.sub(r"<(script|style).*?</\1>|<[^>]*>", "", html, flags=re.DOTALL)
    )


def test_a_single_candidate_has_no_rival(tmp_path):
    """And nothing is compared."""
    html, _, _ = forms(made(tmp_path, good=("plain",)))

    assert "It has no rival." in html and "There is no other." in html and "of 1 candidate<" in html
    assert "Accuracy on validation by" not in html and "Training of all candidates" not in html


def test_the_page_leads_to_the_gate_and_to_what_comes_next(tmp_path):
    """And loads what does not repeat from beside it, so that the page itself repeats."""
    contents = made(tmp_path, good=("plain",))
    html = page(contents)

    assert 'href="validation/index.html"' in html and "imagetrail promote plain</code>" in html
    assert '<script src="timings/report.js"></script>' in html and html == page(contents)


def test_no_number_on_the_page_has_sixteen_digits(tmp_path):
    """What a person reads is rounded; hashes and what scripts sort by are not read."""
    html = page(made(tmp_path, good=("plain", "other")))
    text = re.sub(r"<(script|style|code).*?</\1>|<[^>]*>", " ", html, flags=re.DOTALL)

    assert not re.search(r"\d\.\d{9,}", text)


def test_curves_of_all_candidates_lie_over_each_other():
    """A line per candidate with two epochs or more; nothing with fewer than two such candidates."""
    two = pd.DataFrame({"val_accuracy": [0.5, 0.6], "val_loss": [2.0, 1.0]})
    plots = overlaid_plots({"plain": two, "deep": two, "short": two.head(1), "forest": pd.DataFrame()})

    assert [plot.title for plot in plots] == [f"{name} on validation images by epoch" for name in ("Accuracy", "Loss")]
    assert [series.name for series in plots[0].series] == ["plain", "deep"]
    assert overlaid_plots({"plain": two, "short": two.head(1)}) == []


def test_the_worst_bin_is_one_that_holds_enough_images():
    """A bin of one image is off by chance; with fewer than two full bins nothing is said."""
    bins = pd.DataFrame({"n": [1, 30, 40], "accuracy": [0.0, 0.7, 0.9], "confidence": [0.5, 0.8, 0.95]})

    assert worst_bin(bins) == ", and 10.0 points in the worst bin, which holds 30 images"
    assert worst_bin(bins.assign(n=[1, 2, 40])) == ""


def test_classes_of_any_name_and_those_without_images(tmp_path):
    """`true` as a class is a class; one that no test image is of is not the worst one found."""
    contents = made(tmp_path, good=("plain",), classes=["true", "false", "nan"])
    path = contents.layout.evaluation("plain") / "test_per_class.csv"
    table = pd.read_csv(path, dtype={"class": str}, keep_default_na=False)
    table.loc[table["class"] == "nan", ["n_images", "recall", "recall_low", "recall_high"]] = [0, 0.0, 0.0, 1.0]
    write_csv(path, table)
    html = page(contents)

    assert re.findall(r'<th scope="col" class="up">(.*?)</th>', html)[:3] == ["true", "false", "nan"]
    assert "lowest recall is nan" not in html and "Not among the test images: nan." in html


def test_without_test_images_it_says_that_the_numbers_are_too_good(tmp_path, monkeypatch):
    """Validation images chose the champion, so what they say of it is no measure of the next images."""
    monkeypatch.setattr("tests.core.governance.data_set.SPLITS", {"train": 6, "val": 9})
    html, text, _ = forms(made(tmp_path, good=("plain",)))

    assert "there is no test split" in html and "0 to test" in text
    assert "validation images are right" in text and "These images also chose it" in text


@pytest.mark.parametrize(("fit", "said"), [({"epochs": 3}, True), ({"seeds": [1]}, False), (None, False)])
def test_what_the_gap_to_train_hides_is_said_of_networks(tmp_path, fit, said):
    """Their train accuracy is counted while they learn; that of a classical head is not."""
    (standing,) = made(tmp_path, good=("plain",)).order
    metrics = {"gap_train_val": -0.04, "gap_train_val_low": -0.06, "gap_train_val_high": -0.02}
    params = {**standing.record["params"], "fit": fit}
    told = gaps(replace(standing, record={**standing.record, "params": params}, metrics=metrics))

    assert "-4.0 points (-6.0 to -2.0)" in told[0] and (WHILE_TRAINING in told) == said
