"""How large the report page is and how fast it opens with ten candidates.

    python -m benchmarks.report_page PROJECT

PROJECT has been run; in a copy of it candidates are doubled until there are ten, the page is made, and Chromium opens
it five times, on a desktop and on a phone. Nothing of PROJECT is changed.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from stages.core.candidates.candidate import TRIALS
from stages.core.files import read_json, write_json
from stages.core.reporting.contents import Contents
from stages.core.reporting.decision import decide
from stages.core.reporting.report_page import page
from stages.core.settings.params import open_project
from tests.browser import BROWSER, SIZES

N_CANDIDATES, N_TIMES = 10, 5
TIMES = """() => {
  const [whole] = performance.getEntriesByType("navigation");
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  return [paint ? paint.startTime : NaN, whole.domContentLoadedEventEnd, whole.loadEventEnd];
}"""


def ten(root: Path) -> list[str]:
    """Names of ten candidates: those of the project and copies of them, with names of their own."""
    params, layout = open_project(root)
    names = [name for name in params.candidates if not read_json(layout.evaluation(name) / "candidate.json")["failure"]]
    for place in range(N_CANDIDATES - len(names)):
        origin, copy = names[place % len(names)], f"copy-{place}"
        shutil.copytree(layout.evaluation(origin), layout.evaluation(copy))
        (layout.evaluation(copy) / TRIALS).unlink(missing_ok=True)  # a search is of a name in params.yaml
        record = layout.evaluation(copy) / "candidate.json"
        write_json(record, {**read_json(record), "name": copy})
        names.append(copy)
    return names[:N_CANDIDATES]


def made(root: Path) -> Path:
    """The page of ten candidates; prints its size and what it took."""
    names = ten(root)
    params, layout = open_project(root)
    began = time.perf_counter()
    decision = decide(layout, names, params.tree.report.champion, params.tree.evaluate)
    text = page(Contents(params, layout, decision.order, decision.table, decision.choice))
    took = time.perf_counter() - began
    path = root / "page.html"
    path.write_text(text, encoding="utf-8")
    n_classes = len(decision.order[0].record["classes"])
    print(f"{len(names)} candidates, {n_classes} classes: {path.stat().st_size / 1e6:.2f} MB, made in {took:.1f} s")
    return path


def opened(browser: Browser, path: Path, size: str) -> list[float]:
    """Milliseconds until the first paint, until the page is complete with its script run, and until all is loaded."""
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height})
    tab = context.new_page()
    tab.goto(path.as_uri(), wait_until="load")
    tab.wait_for_timeout(300)
    found = tab.evaluate(TIMES)
    context.close()
    return [float(one) for one in found]


def main() -> None:
    """Copy, make, open, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path)
    root = parser.parse_args().project
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        copy = Path(folder, "project")
        shutil.copytree(root, copy, symlinks=True, ignore=shutil.ignore_patterns("mlruns", ".git", ".dvc"))
        path, browser = made(copy), playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox"])
        for size in SIZES:
            runs = [opened(browser, path, size) for _ in range(N_TIMES)]
            paint, ready, loaded = (statistics.median(column) for column in zip(*runs, strict=True))
            print(
                f"{size}: first paint {paint:.0f} ms, script run {ready:.0f}, loaded {loaded:.0f} (median of {N_TIMES})"
            )
        browser.close()


if __name__ == "__main__":
    main()
