"""Pages in a real browser: the machine's Chromium without a head, driven by Playwright; axe says who can't read them."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
LOOKS = [(size, scheme) for size in SIZES for scheme in ("light", "dark")]
LOCAL = ("file:", "data:", "blob:", "http://127.0.0.1", "http://localhost")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of one file; skips where there is none.

    Not for a whole session: while it is open no other test of the process could run an event loop of its own.
    """
    if not BROWSER:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@contextmanager
def opened(browser: Browser, address: str | Path, size: str = "desktop", scheme: str = "light") -> Iterator[Page]:
    """A page or file, loaded; afterwards no script may have failed, and nothing have been asked of another machine."""
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    page, failed, asked = context.new_page(), [], []
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.on("request", lambda request: request.url.startswith(LOCAL) or asked.append(request.url))
    page.goto(address.resolve().as_uri() if isinstance(address, Path) else address)
    try:
        yield page
    finally:
        context.close()
    assert failed == [] and asked == []


def violations(page: Page) -> list[str]:
    """What axe finds on a page as it stands now: one line a rule, with the first places."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {rule['help']}: {[node['target'] for node in rule['nodes'][:3]]}" for rule in found]


def too_wide(page: Page) -> int:
    """By how many pixels a page is wider than its window."""
    return page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
