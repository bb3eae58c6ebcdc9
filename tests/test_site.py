"""The documentation tells the truth: its links lead somewhere, its errors are ours, and every setting has a page."""

import ast
import os
import re
import subprocess
import sys
from urllib.parse import unquote

import pytest

from docs import reference
from stages.core.layout import PROJECT
from stages.core.settings.params import kinds

WRITTEN = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").glob("*.md"))]
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(#[^)\s]+)?\)")


@pytest.fixture(scope="module")
def pages():
    return reference.pages()


def our_words():
    """Every text of the code; what is filled in is …"""
    for path in (PROJECT / "stages").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
    yield (PROJECT / "Makefile").read_text()


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_links_between_files_lead_somewhere(path, pages):
    """To a file that is there, or to a page that the site makes."""
    made = {(PROJECT / "docs" / place).resolve() for place in pages}
    for target, _ in LINK.findall(path.read_text()):
        if "://" not in target:
            place = (path.parent / unquote(target)).resolve()
            assert place.exists() or place in made, target


def test_each_stage_command_check_model_and_source_has_a_page_with_its_settings(pages):
    """A new file gets its page by being there."""
    for group in reference.KINDS:
        for kind in kinds(group):
            page = pages[f"reference/{group}/{kind}.md"]
            assert all(f"`{name}`" in page for name, _, _ in reference.options(group, kind))
    for path in [*reference.modules("stages"), *reference.modules("stages/commands")]:
        folder = "commands" if path.parent.name == "commands" else "stages"
        assert reference.opening(path)[0] in pages[f"reference/{folder}/{reference.typed(path)}.md"]


def test_a_command_s_page_shows_its_help(pages):
    """What `--help` prints: each option stands there."""
    done = subprocess.run(
        [sys.executable, "-m", "stages.commands", "audit", "--help"],
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT,
    )
    for option in re.findall(r"--[a-z][\w-]+", done.stdout):
        assert option in pages["reference/commands/audit.md"]


def test_errors_in_troubleshooting_are_ours():
    """A message that was reworded is found by nobody."""
    known = list(our_words())
    rows = [line for line in (PROJECT / "docs/troubleshooting.md").read_text().splitlines() if line.startswith("| `")]
    said = [message for row in rows for message in re.findall(r"`([^`]+)`", row.split(" | ")[0])]

    assert len(said) > 12
    for message in said:
        for part in (piece.strip(" :") for piece in message.split("…")):
            assert len(part) < 4 or any(part in text for text in known), f"{message}: {part}"


@pytest.mark.slow
def test_the_site_builds_and_every_link_in_it_leads_somewhere(tmp_path):
    """Pages and headings; with --strict a dead one is an error."""
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        capture_output=True, text=True, check=False, cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "site/reference/checks/no_leaks/index.html").exists()
    assert "https://fonts" not in (tmp_path / "site/index.html").read_text()
