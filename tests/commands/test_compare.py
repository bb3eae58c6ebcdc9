"""`imagetrail compare` in a finished project: however a candidate is named, the same one is found, and all forms agree."""

import json
import random
import subprocess
import sys
from contextlib import suppress

import mlflow
import pandas as pd
import pytest

from benchmarks.tampering import copied
from stages.core.files import read_json
from tests.browser import LOOKS, opened, too_wide, violations
from tests.conftest import Checkout

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def committed(finished, tmp_path_factory):
    """A finished project, committed and saved as a DVC experiment."""
    made = Checkout(copied(finished.root, tmp_path_factory.mktemp("compare") / "copy"))
    made.run("git", "add", "-A")
    made.run("git", "commit", "-qm", "trained")
    made.run("dvc", "exp", "save", "--name", "tried", "--force")
    return made


def found(project, *named):
    """What --json says."""
    return json.loads(project.command("compare", *named, "--json").stdout)


def test_however_it_is_named_it_is_the_same(committed):
    """By name, key, run id, commit and experiment: the same key, no difference, no flip, and nothing was checked out."""
    before = committed.run("git", "status", "--porcelain").stdout
    record = read_json(committed.root / "data/candidates/plain/candidate.json")
    run_id = read_json(committed.root / f"reports/runs/{record['key']}.json")["mlflow_run_id"]
    for name in (record["key"], run_id, "HEAD:plain", "tried:plain"):
        said = found(committed, name, "plain")
        assert said["a"]["key"] == said["b"]["key"] == record["key"]
        assert said["verdict"]["outcome"] == "no difference" and said["flips"]["images"] == []
    assert committed.run("git", "status", "--porcelain").stdout == before


def test_the_champion_stands_for_a_revision(committed):
    """REV alone is its champion, and so is B where none is named."""
    champion = read_json(committed.root / "reports/champion.json")["key"]
    said = found(committed, "HEAD")

    assert said["a"]["key"] == said["b"]["key"] == champion


def test_flips_are_those_of_the_predictions(committed):
    """Every image listed has the answers that both predictions tables give, and none is missing."""
    said = found(committed, "HEAD:plain", "residual")
    answers = {}
    for name in ("plain", "residual"):
        table = pd.read_parquet(committed.root / f"data/candidates/{name}/predictions.parquet")
        test = table[table["split"] == "test"].set_index("path")
        answers[name] = test.filter(like="p.").idxmax(axis=1).str.removeprefix("p.")
    differ = answers["plain"] != answers["residual"]
    listed = {row["path"]: (row["a"], row["b"], row["true"]) for row in said["flips"]["images"]}

    assert set(listed) == set(differ[differ].index) and len(listed) > 0
    assert all((answers["plain"][p], answers["residual"][p]) == row[:2] for p, row in listed.items())
    assert all(p.split("/")[0] == row[2] for p, row in listed.items())
    names = {one["measure"]: one["b"] for one in said["measures"]}
    metrics = read_json(committed.root / "reports/candidates/residual/metrics.json")
    assert names == pytest.approx({name: metrics[f"test_{name}"] for name in names})


def test_the_page_can_be_read_by_all(committed, browser, tmp_path):
    """Light and dark, desktop and phone; a picture for every flip, read from DVC's cache where the disk has none."""
    committed.command("compare", "HEAD:plain", "HEAD:residual", "--html", str(tmp_path / "page.html"))
    n_flips = len(found(committed, "plain", "residual")["flips"]["images"])
    for size, scheme in LOOKS:
        with opened(browser, tmp_path / "page.html", size, scheme) as page:
            assert violations(page) == [] and too_wide(page) <= 0
            assert page.locator(".flips img").count() == min(n_flips, 120)


def test_it_is_attached_to_both_runs(committed, tmp_path):
    """Under comparisons/, as a page, Markdown, JSON and a table; another --log replaces it."""
    for _ in range(2):
        committed.command("compare", "plain", "residual", "--log", "--markdown", str(tmp_path / "comment.md"))
    for name in ("plain", "residual"):
        key = read_json(committed.root / f"data/candidates/{name}/candidate.json")["key"]
        run_id = read_json(committed.root / f"reports/runs/{key}.json")["mlflow_run_id"]
        (folder,) = committed.root.glob(f"mlruns/*/{run_id}/artifacts/comparisons/*")
        files = {path.name for path in folder.iterdir()}
        assert folder.name == "plain-residual"
        assert files == {"index.html", "comparison.md", "comparison.json", "flips.csv"}
        assert (folder / "comparison.md").read_text() == (tmp_path / "comment.md").read_text()


def test_two_versions_of_the_registry(committed):
    """By alias and by number, as names and as one name each: what the candidates themselves say, by their own names."""
    client = mlflow.MlflowClient(f"sqlite:///{committed.root}/mlflow.db")
    client.create_registered_model("pair")
    for name, alias in (("plain", "old"), ("residual", "new")):
        key = read_json(committed.root / f"data/candidates/{name}/candidate.json")["key"]
        run = client.get_run(read_json(committed.root / f"reports/runs/{key}.json")["mlflow_run_id"])
        source = client.get_logged_model(run.outputs.model_outputs[0].model_id).artifact_location
        client.set_registered_model_alias(
            "pair", alias, client.create_model_version("pair", source, run.info.run_id).version
        )
    own = found(committed, "plain", "residual")
    said = found(committed, "models:/pair@old", "models:/pair/2")

    assert [said[side]["called"] for side in "ab"] == ["plain (pair@old)", "residual (pair/2)"]
    assert said["measures"] == own["measures"] and said["flips"] == own["flips"]
    for side in "ab":
        assert said[side]["key"] == own[side]["key"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_killed_half_way_it_leaves_what_was_there(committed, tmp_path, seed):
    """At a random time: no file, or a whole one from before; the next call writes both."""
    forms = ["--html", str(tmp_path / "page.html"), "--markdown", str(tmp_path / "comment.md")]
    (tmp_path / "page.html").write_text("before")
    process = subprocess.Popen(
        [sys.executable, "-m", "stages.commands", "compare", "plain", "residual", *forms],
        cwd=committed.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    with suppress(subprocess.TimeoutExpired):
        process.wait(random.Random(seed).uniform(1, 4))
    process.kill()
    process.wait()
    left = (tmp_path / "page.html").read_text()

    assert left == "before" or left.rstrip().endswith("</html>")
    committed.command("compare", "plain", "residual", *forms)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["comment.md", "page.html"]


def test_what_can_not_be_compared_is_said(committed):
    """In a sentence that names what there is."""
    for name, said in (
        ("nope", "'nope' is no candidate"),
        ("HEAD:nope", "HEAD has no evaluated candidate 'nope'; there are: plain, plain-tuned, residual"),
        ("HEAD~1:plain", "HEAD~1 has no evaluated candidate"),
        ("models:/digits@champion", "models:/digits@champion"),
        ("0" * 32, "is no key of a candidate that is known here"),
    ):
        done = committed.command("compare", name, "plain", ok=False)
        assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr


def test_a_worse_one_fails_where_that_is_asked_for(committed):
    """Untrained against trained would be worse; equal ones never are: exit code 0 with and without the option."""
    assert committed.command("compare", "plain", "HEAD:plain", "--fail-if-worse").returncode == 0
    n_worse = sum(
        found(committed, *named)["verdict"]["outcome"] == "worse"
        for named in (("plain", "residual"), ("residual", "plain"))
    )
    codes = [
        committed.command("compare", *named, "--fail-if-worse", ok=False).returncode
        for named in (("plain", "residual"), ("residual", "plain"))
    ]
    assert codes.count(3) == n_worse and codes.count(0) == 2 - n_worse
