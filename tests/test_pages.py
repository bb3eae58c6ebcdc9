"""The pages open in a real browser, without a network, on a desktop and on a phone, and for people who can't see them."""

import re

import pytest

from tests.browser import LOOKS, SIZES, opened, too_wide, violations

PAGES = ["reports/index.html", "reports/validation/index.html"]
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("size", SIZES)
def test_a_page_fits_the_window(finished, browser, path, size):
    """Nothing but its own scrolling boxes is wider than the window."""
    with opened(browser, finished.root / path, size) as page:
        assert too_wide(page) <= 0


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("size", "scheme"), LOOKS)
def test_axe_finds_nothing(finished, browser, path, size, scheme):
    """Names, roles, contrast, headings and tables as WCAG wants them, light and dark, desktop and phone."""
    with opened(browser, finished.root / path, size, scheme) as page:
        assert violations(page) == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_needs_no_network(finished, path):
    """Every picture and style is inside the file."""
    text = (finished.root / path).read_text()

    assert not re.search(r"""(src|href)=["'](https?:)?//""", text) and "@import" not in text


def test_the_report_shows_what_it_promises(finished, browser):
    """Classes with pictures, every candidate with curves and a confusion matrix, and the champion."""
    with opened(browser, finished.root / "reports/index.html") as page:
        assert page.locator("svg").count() == 6 and page.locator("table.matrix").count() == 3
        assert page.get_by_text("champion", exact=True).count() == 1
        assert page.get_by_alt_text("7", exact=True).count() == finished.params()["report"]["samples_per_class"]
