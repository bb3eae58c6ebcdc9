"""The pages in a real browser, without a network: on a desktop and a phone, in the light and the dark, and by keyboard."""

import re

import pytest

from tests.browser import LOOKS, opened, too_wide, violations

REPORT, GATE = "reports/index.html", "reports/validation/index.html"
pytestmark = pytest.mark.slow


@pytest.fixture
def report(finished, browser):
    """The report page of a finished project on a desktop."""
    with opened(browser, finished.root / REPORT) as page:
        yield page


@pytest.mark.parametrize("path", [REPORT, GATE])
@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_everyone_can_read_a_page(finished, browser, path, size, scheme):
    """axe finds nothing, all that is folded open: names, roles, contrast, headings, tables. Nothing is too wide."""
    with opened(browser, finished.root / path, size, scheme) as page:
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")

        assert violations(page) == [] and too_wide(page) <= 0


@pytest.mark.parametrize("path", [REPORT, GATE])
def test_a_page_needs_no_network(finished, path):
    """Every picture, style and script is inside the file, which is small."""
    text = (finished.root / path).read_text()

    assert not re.search(r"""(src|href)=["'](https?:)?//""", text) and "@import" not in text
    assert len(text.encode()) < 1_500_000


def test_the_report_answers_its_questions(report, finished):
    """In short; classes with pictures; every candidate with curves and a confusion matrix; hashes and commands."""
    questions = report.locator("dl.answers dt").all_inner_texts()

    assert questions[0] == "What was trained on what?" and len(questions) == 8
    assert report.locator("table.matrix").count() == 3 and report.get_by_text("champion", exact=True).count() == 3
    assert report.get_by_alt_text("7", exact=True).count() == finished.params()["report"]["samples_per_class"]
    assert report.locator("#again code", has_text=re.compile("^[0-9a-f]{64}$")).count() == 6
    assert report.locator("#use dt").count() >= 4


def test_a_heading_sorts_its_column(report):
    """By pointer or keyboard, up and down; the table says how, and numbers are sorted as numbers."""
    button = report.get_by_role("button", name="Multiply-adds")
    head, column = report.get_by_role("columnheader", name="Multiply-adds"), "section#board table >> nth=1"

    def costs():
        cells = report.locator(f"{column} >> tbody tr td:nth-child(2)").all_inner_texts()
        return [int(cell.replace(",", "")) for cell in cells]

    button.click()
    assert head.get_attribute("aria-sort") == "ascending" and costs() == sorted(costs())
    button.press("Enter")
    assert head.get_attribute("aria-sort") == "descending" and costs() == sorted(costs(), reverse=True)


def test_a_plot_is_read_by_keyboard_and_pointer(report):
    """Arrow keys move from epoch to epoch, and what stands there is said; a button takes a line away."""
    figure = report.locator("figure.plot", has_text="Accuracy by epoch").first
    plot, said = figure.get_by_role("slider"), figure.locator(".readout")
    plot.press("ArrowRight")
    plot.press("ArrowRight")
    assert re.fullmatch(r"epoch 2: train \d\.\d+, validation \d\.\d+", said.inner_text())
    assert plot.get_attribute("aria-valuetext") == said.inner_text()

    figure.get_by_role("button", name="train").click()
    plot.press("Home")
    assert (
        said.inner_text().startswith("epoch 1: validation") and not figure.locator('g[data-name="train"]').is_visible()
    )

    plot.hover(position={"x": 200, "y": 60})
    assert re.match(r"epoch \d+: validation", said.inner_text())


def test_a_dot_names_its_candidate(report):
    """On the cost plots each dot is read with its name and numbers."""
    plot = report.locator("figure.plot", has_text="by multiply-adds").get_by_role("slider")
    plot.press("Home")

    assert re.match(r"\S+: \d+\.\d\d % for [\d,]+ multiply-adds and", plot.get_attribute("aria-valuetext"))


def test_a_trial_is_read_and_a_range_filters(report):
    """Arrow keys read the trials of a search, the best first; a range dragged along the score leaves the good ones."""
    figure = report.locator("figure.parallel").first
    plot, said = figure.get_by_role("slider"), figure.locator(".readout")
    plot.press("ArrowRight")
    assert re.match(r"trial \d+: .*val_accuracy 0\.\d+", said.inner_text())
    plot.evaluate("plot => plot.blur()")

    grip = figure.locator("rect.grip").last.bounding_box()
    x, top = grip["x"] + grip["width"] / 2, grip["y"]
    report.mouse.move(x, top)
    report.mouse.down()
    report.mouse.move(x, top + 10)
    report.mouse.up()
    assert re.fullmatch(r"\d+ of \d+ trials", said.inner_text())
    figure.get_by_role("button", name="Show all trials").click()
    assert said.inner_text() == ""


def test_the_head_says_when_and_from_which_commit(report, finished, browser, tmp_path):
    """From a file beside the page; the page alone, sent to someone, says nothing of it and works."""
    commit = finished.run("git", "rev-parse", "HEAD").stdout[:10]
    assert commit in report.locator("#run-facts").inner_text()
    assert re.search(r"\d", report.locator("[data-train-seconds=plain]").inner_text())

    (tmp_path / "index.html").write_bytes((finished.root / REPORT).read_bytes())
    with opened(browser, tmp_path / "index.html") as alone:
        assert not alone.locator("#run-facts").is_visible()


def test_a_confusion_is_said_in_words(report):
    """A cell under the pointer is a sentence; shares stand there instead of counts when asked for."""
    figure = report.locator("figure.confusion").first
    first = figure.locator("tbody tr").first.locator("td").first
    count, total = first.inner_text(), figure.locator("tbody tr").first.get_attribute("data-total")
    first.hover()
    assert figure.locator(".readout").inner_text() == f"{count} of {total} images of 0 were taken for 0"

    figure.get_by_role("button").click()
    assert first.inner_text() == f"{100 * int(count) / int(total):.1f}"


def test_a_link_opens_what_is_folded(report):
    """From the leaderboard to a candidate that is not the champion."""
    folded = report.locator("#others details").first
    name = folded.get_attribute("id")
    assert folded.get_attribute("open") is None
    report.locator(f'a[href="#{name}"]').first.click()

    assert folded.get_attribute("open") is not None


def test_light_and_dark_are_remembered(finished, browser):
    """The button turns the page over, and another page of the project stays so."""

    def light():
        return sum(map(int, re.findall(r"\d+", page.evaluate("getComputedStyle(document.body).backgroundColor")))) > 384

    with opened(browser, finished.root / REPORT, scheme="dark") as page:
        assert not light()
        page.get_by_role("button", name="Show the page light").click()
        assert light()
        page.reload()
        assert light()


def test_paper_has_everything(report):
    """Printed, the page is light, without buttons, and nothing is folded; afterwards it is as before."""
    report.emulate_media(media="print", color_scheme="dark")
    paper = report.pdf()

    assert paper.startswith(b"%PDF") and not report.locator(".bar").is_visible()
    assert report.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert report.locator("details[open]").count() == 0
