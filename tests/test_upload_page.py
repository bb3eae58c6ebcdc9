"""The upload page of `imagetrail serve` in a real browser: what it says of pictures, to everybody."""

import pytest

from stages.core.serving.sheet import write_sheet
from tests.browser import LOOKS, browser, opened, too_wide, violations  # noqa: F401 - a fixture
from tests.core.serving.asked import picture, served
from tests.core.serving.test_sheet import sheet_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address():
    with served(threshold=0.75) as found:
        yield found


def asked(page, *files):
    """Upload files (name, bytes), wait for the last answer; the cards, newest first."""
    page.set_input_files("#files", [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in files])
    page.locator("article").nth(len(files) - 1).wait_for()
    return [card.inner_text() for card in page.locator("article").all()]


def test_the_page_says_the_answer_with_its_confidence(browser, address):  # noqa: F811
    """A sure one, one that is not sure, and one that is no image: each in words, and read out as it comes."""
    with opened(browser, address) as page:
        bad, unsure, sure = asked(
            page, ("dog.png", picture(255)), ("grey.png", picture(128)), ("<b>bad.png", b"no image")
        )

        assert "dog.png" in sure and "dog, 100.0 %" in sure and "Not sure" not in sure
        assert "Not sure. Perhaps dog, 50.2 %" in unsure and "cat" in unsure and "=owl" in unsure
        assert "<b>bad.png" in bad and "No answer: the image can't be read" in bad
        assert page.locator("#status").inner_text().startswith("<b>bad.png: no answer")
        assert page.locator("article img").count() == 2 and page.locator("article b").count() == 0


def test_a_picture_that_is_too_large_is_not_sent(browser, address):  # noqa: F811
    """The page knows the limit, and says it."""
    with opened(browser, address) as page:
        (card,) = asked(page, ("large.png", b"x" * 200_001))

        assert "it has 200,001 bytes, more than 200,000" in card


def test_a_dropped_picture_is_asked_about(browser, address):  # noqa: F811
    """Anywhere on the page."""
    with opened(browser, address) as page:
        page.evaluate(
            """bytes => { const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(bytes)], "dropped.png", {type: "image/png"}));
            document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true})); }""",
            list(picture(0)),
        )
        page.wait_for_selector("article")

        assert "cat, 80.0 %" in page.locator("article").inner_text()


def test_it_works_by_keyboard(browser, address):  # noqa: F811
    """Tab reaches the choice of files after the choice of light or dark, and it is labelled."""
    with opened(browser, address) as page:
        reached = []
        for _ in range(2):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.id"))

        assert reached == ["look", "files"]
        assert "Choose pictures" in page.get_by_label("Choose pictures").evaluate("node => node.labels[0].innerText")


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_everybody_can_read_it(browser, address, size, scheme):  # noqa: F811
    """With answers on it: axe finds nothing, and nothing is wider than the window."""
    with opened(browser, address, size, scheme) as page:
        asked(
            page, ("dog.png", picture(255)), ("a_very_long_name_" * 9 + ".png", picture(128)), ("bad.png", b"no image")
        )

        assert violations(page) == [] and too_wide(page) <= 0


@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_everybody_can_read_a_sheet(browser, tmp_path, size, scheme):  # noqa: F811
    """The page that `predict --sheet` writes: axe finds nothing, nothing is wider than the window."""
    write_sheet(sheet_of(range(0, 256, 8), bad=["broken.png", "x" * 200]), tmp_path / "sheet.html")
    with opened(browser, tmp_path / "sheet.html", size, scheme) as page:
        assert violations(page) == [] and too_wide(page) <= 0
