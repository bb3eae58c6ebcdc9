"""Every command block of the README and of the pages for beginners runs, typed in the order in which it stands there."""

import contextlib
import io
import json
import re
import shlex
import shutil
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import setup_venv
from PIL import Image

from stages.core.layout import PROJECT, Layout
from stages.core.promoting.history import decisions
from tests import forking
from tests.conftest import Checkout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
NOT_HERE = {
    "make test": "it would run itself",
    "make ui": "it serves until it is ended; tests/test_pages.py opens the pages",
    "imagetrail serve residual": "so does this; tests/test_upload_page.py uses it",
}
ENDS_WITH = {"imagetrail promote": (0, 3)}  # trained for two epochs, none may be good enough
ACTIVATE = """export PATH={bin}:$PATH {more} DO_NOT_TRACK=true DVC_NO_ANALYTICS=true
imagetrail() {{ python -m stages.commands "$@"; }}
"""


def commands(page):
    """Command lines of a page's blocks, in order; one that ends with a backslash goes on in the next."""
    for block in BLOCK.findall((PROJECT / page).read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            if command := re.sub(r"\s+#.*", "", line).strip():
                yield command


LONG = [pytest.param(name, marks=pytest.mark.long) for name in ("README.md", "docs/own-images.md")]


@pytest.fixture(params=["docs/quickstart.md", *LONG])
def page(request):
    """A page with commands for beginners."""
    return request.param


@pytest.fixture
def typed(page, finished, tmp_path):
    """A project in which all has run, with the tests' packages in the place of its .venv, and its pictures apart.

    What stands in the README is started as a person starts it, for the other pages it is forked.
    """
    root, cold = tmp_path / "clone", page == "README.md"
    programs = Path(sys.executable).parent if cold else f"{forking.programs()}:{Path(sys.executable).parent}"
    shutil.copytree(finished.root, root, symlinks=True)
    venv = root / ".venv/bin"
    venv.mkdir(parents=True)
    (venv / "python").symlink_to(sys.executable)
    (venv / "activate").write_text(ACTIVATE.format(bin=programs, more=f"PYTHONPATH={root}" if cold else ""))
    with contextlib.chdir(root):  # as if `make setup` had made it
        setup_venv.write_stamp(root / ".venv", [Path("requirements.lock")])
    pictures(finished.root / "data/source/images.zip", tmp_path)
    return Checkout(root)


def pictures(archive, place):
    """Two folders of a folder a class: 40 enlarged digits for each of three to train on, 10 of each that are new."""
    with zipfile.ZipFile(archive) as source:
        for label in "013":
            names = sorted(name for name in source.namelist() if name.startswith(f"{label}/"))[:50]
            for number, name in enumerate(names):
                path = place / ("images" if number < 40 else "new") / f"digit {label}" / Path(name).name
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.open(io.BytesIO(source.read(name))).resize((64, 64)).convert("RGB").save(path)


def an_image(project):
    """The path of one image of its data set."""
    return str(pd.read_parquet(project.root / "data/manifest.parquet", columns=["path"])["path"].iloc[0])


def committed(project):
    """As a person does now and then."""
    project.run("git", "add", "-A")
    project.run("git", "commit", "-qm", "a step", "--allow-empty")


def let_win(project, name):
    """Change params.yaml so that the rule chooses this candidate, and run what that makes stale."""
    params = project.params()
    if name != "residual":  # which leads, trained for two epochs
        params["report"]["champion"]["max_parameters"] = 200_000
    if name == "plain-tuned":  # the search begins with the entry's own, useless rate, and then leaves it
        params["models"]["plain"]["fit"]["optimizer"]["rate"] = 1e-6
    project.write_params(params)
    project.run("dvc", "repro")
    assert json.loads((project.root / "reports/champion.json").read_text())["candidate"] == name


@pytest.mark.parametrize("page", ["docs/quickstart.md"])
@pytest.mark.parametrize(
    "name",
    [pytest.param("plain", marks=pytest.mark.long), "residual", pytest.param("plain-tuned", marks=pytest.mark.long)],
)
def test_the_quick_start_ends_well_whichever_model_wins(page, name, typed):
    """From the commit over the audit and the promotion to the rollback, word for word; no gate refuses an honest model."""
    let_win(typed, name)
    written = list(commands(page))
    for command in written[written.index("git add -A") :]:
        done = typed.run("bash", "-c", f". .venv/bin/activate && {command}", ok=False)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    decided = [line.body for line in decisions(Layout(typed.root), "digits")]
    assert (decided[0]["candidate"], decided[0]["what"]) == (name, "promoted")
    assert (decided[-1]["candidate"], decided[-1]["what"]) == ("residual", "rolled back")


def test_what_is_written_runs(page, typed):
    """Each command ends well; the few that are not run here are named, with the reason."""
    place = typed.root.parent
    for command in commands(page):
        if command in NOT_HERE:
            continue
        filled = command.replace("/path/to/images", str(place / "images")).replace("/path/to/new", str(place / "new"))
        filled = re.sub(r"\bIMAGE\b", lambda _: shlex.quote(an_image(typed)), filled)
        done = typed.run("bash", "-c", f". .venv/bin/activate && {filled}", ok=False)
        assert done.returncode in ENDS_WITH.get(command, (0,)), (
            f"{command}: {done.returncode}\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}"
        )
        if "git commit" not in (PROJECT / page).read_text():
            committed(typed)
