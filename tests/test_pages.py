"""The pages open in a real browser, without a network, on a desktop and on a phone."""

import re
import shutil
import subprocess

import pytest

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]
PAGES = ["reports/index.html", "reports/validation/index.html"]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not BROWSER, reason="no Chromium on this machine")]


def opened(path, tmp_path, width):
    """DOM of a page after a script of ours has written its real width into the title."""
    probe = "<script>addEventListener('load', () => document.title = 'width=' + document.documentElement.scrollWidth)</script>"
    copy = tmp_path / "page.html"
    copy.write_text(path.read_text().replace("</body>", probe + "</body>"))
    command = [BROWSER, *QUIET, f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},900", "--dump-dom"]
    return subprocess.run([*command, copy.as_uri()], capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("width", [1200, 500])
def test_a_page_fits_the_window(finished, tmp_path, page, width):
    """Nothing but its own scrolling boxes is wider than the window."""
    dom = opened(finished.root / page, tmp_path, width)

    assert int(re.search(r"width=(\d+)", dom)[1]) <= width


@pytest.mark.parametrize("page", PAGES)
def test_a_page_needs_no_network(finished, page):
    """Every picture and style is inside the file."""
    text = (finished.root / page).read_text()

    assert not re.search(r"""(src|href)=["'](https?:)?//""", text) and "@import" not in text


def test_the_report_shows_what_it_promises(finished, tmp_path):
    """Classes with pictures, every candidate with curves and a confusion matrix, and the champion."""
    dom = opened(finished.root / "reports/index.html", tmp_path, 1200)

    assert dom.count("<svg") == 6 and dom.count('<table class="matrix">') == 3
    assert dom.count('<span class="badge pass">champion</span>') == 1
    assert dom.count('alt="7"') == finished.params()["report"]["samples_per_class"]
