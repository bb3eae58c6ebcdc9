"""`imagetrail audit` raises no alarm over what honest people do: experiments, branches, restored and lost stores."""

import json
import re
import shutil

import pytest

from stages.commands.audit import audit, judged
from stages.core.auditing.audited import Audited
from stages.core.auditing.chain import heads, read_chain
from stages.core.auditing.finding import ALARM
from stages.core.candidates.candidate import read_candidate
from stages.core.settings.params import open_project
from stages.links import commit as link
from tests.conftest import Checkout, checkout

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
FOREST = {
    "kind": "classical", "input": "images", "pca": None, "max_train_images": None,
    "method": {"name": "random_forest", "trees": 8, "depth": 6, "min_leaf": 1},
    "fit": {"seeds": [1], "on": "train", "balance": "none"},
}  # fmt: skip


NET = {
    "backbone": "MobileNetV2", "arguments": {"alpha": 0.35}, "weights": None, "seed": 1, "height": 32, "width": 32,
    "pooling": "average", "store": True,
}  # fmt: skip
TRANSFER = {"kind": "transfer", "input": "features/net", "dense": [], "dropout": 0.0, "unfreeze": None}
KINDS = ("plain", "residual", "plain-tuned", "forest", "head", "plain_refit", "mean-combined")


@pytest.fixture
def project(tmp_path):
    """One small forest: a dozen trainings in the time that one process takes to import TensorFlow."""
    made = checkout(tmp_path / "project")
    params = made.params()
    params["models"] = {"plain": FOREST}
    params["tune"], params["evaluate"]["bootstrap"] = {}, 10
    made.write_params(params)
    made.run("git", "commit", "-qam", "tiny")
    return made


def audited(project, *arguments):
    """Links by their verdict, after an audit that raised no alarm."""
    verdicts = audit(project.root, *(arguments or (None,)))[1]
    assert {one.link: one.said for one in verdicts if one.verdict == ALARM} == {}
    return {one.link: one.verdict for one in verdicts}


def audited_as_typed(project, *arguments):
    """The same by the command, in a process of its own: MLflow's client keeps a store open that was deleted."""
    done = project.command("audit", *arguments, "--json", ok=False)
    links = {one["link"]: one for one in json.loads(done.stdout)["links"]} if done.stdout else {}
    alarms = {name: one["said"] for name, one in links.items() if one["verdict"] == ALARM}
    assert done.returncode == 0 and not alarms, (alarms, done.stderr[-2000:])
    return {name: one["verdict"] for name, one in links.items()}


def unknown(verdicts):
    """Links that could not be told, but for those of evidence that is only made on request."""
    return {name for name, verdict in verdicts.items() if verdict == "unknown"} - {"sbom", "signature"}


def seeded(project, seed):
    """Change the seed in params.yaml as a person does, in its place."""
    path = project.root / "params.yaml"
    path.write_text(re.sub(r"seeds:\n(\s*)- \d+", rf"seeds:\n\1- {seed}", path.read_text(), count=1))
    project.run("dvc", "repro")


def commit(project, message):
    project.run("git", "add", "-A")
    project.run("git", "commit", "-qm", message)


@pytest.fixture
def every_kind(finished, tmp_path):
    """The default pipeline's candidates, and beside them a forest, a transfer, a refit and a combination."""
    shutil.copytree(finished.root, tmp_path / "kinds", symlinks=True)
    made = Checkout(tmp_path / "kinds")
    with_every_kind(made)
    return made


def with_every_kind(project):
    """Add what the default pipeline has not got, and run it."""
    project.command("refit", "plain")
    params = project.params()
    params["backbones"] = {"net": NET}
    params["models"] |= {
        "forest": FOREST,
        "head": {**TRANSFER, "fit": {**params["models"]["plain"]["fit"], "epochs": 1}},
    }
    params["combine"] = {"mean": {"method": "average", "members": ["plain", "forest"]}}
    project.write_params(params)
    project.run("dvc", "repro")


@pytest.mark.long
def test_no_candidate_of_any_kind_raises_an_alarm(every_kind, tmp_path):
    """Each is green, down to the pixels, before the commit; and in the commit, in a clone and after `dvc pull`."""
    for name in KINDS:
        assert unknown(audited(every_kind, name)) == set(), name
        assert commit_of(every_kind, name).startswith("not committed yet")
    commit(every_kind, "every kind")
    every_kind.run("dvc", "remote", "add", "-d", "store", str(tmp_path / "remote"))
    commit(every_kind, "remote")
    for name in KINDS:
        assert unknown(audited(every_kind, name, True)) == {"split"}, name  # --quick divides nothing anew
        assert commit_of(every_kind, name).startswith("commit ")
    every_kind.run("dvc", "push", "-q")
    every_kind.run("git", "clone", "-q", str(every_kind.root), str(tmp_path / "clone"))
    clone = Checkout(tmp_path / "clone")
    assert unknown(audited(clone, KINDS[0], True)) == {
        "split",
        "run",
        "alias",
    }  # the audit itself fetches what it needs
    clone.run("dvc", "pull", "-q")
    for name in KINDS:
        assert unknown(audited(clone, name, True)) == {"split", "run", "alias"}, name
        assert commit_of(clone, name).startswith("commit ")


def commit_of(project, name):
    """What the link `commit` says of a candidate, without the rest of the audit."""
    params, layout = open_project(project.root)
    found = judged(Audited(layout, params, read_candidate(layout.candidate(name)), project.root), "commit", link)
    assert found.verdict == "ok"
    return found.said[0]


@pytest.mark.long
def test_honest_runs_raise_no_alarm(project, tmp_path):
    """Twelve states that a project passes through, each audited; the ledger loses no line on the way."""
    project.run("dvc", "repro")
    assert unknown(audited(project)) == set()  # 1: not committed yet
    commit(project, "one")
    assert (
        unknown(audited(project, str(project.root / "data/candidates/plain/head.skops"))) == set()
    )  # 2: committed, by file
    n_lines = len(read_chain(project.root / "reports/ledger.jsonl").lines)
    project.run("dvc", "repro", "-f", "-s", "train@plain")
    assert unknown(audited(project)) == set()  # 3: trained again, with an equal result
    assert len(read_chain(project.root / "reports/ledger.jsonl").lines) == n_lines == 2
    seeded(project, 3)
    commit(project, "two")
    assert unknown(audited(project)) == set()  # 4: another seed
    experiments(project)
    branches(project)
    stores(project, tmp_path)


def experiments(project):
    """In the workspace, put back, queued, applied."""
    project.run("dvc", "exp", "run", "-n", "one", "-S", "models.plain.method.depth=7")
    assert unknown(audited(project)) == set()  # 5: after an experiment in the workspace
    lines = read_chain(project.root / "reports/ledger.jsonl").hashes
    project.run("git", "checkout", "-q", "--", ".")
    project.run("dvc", "checkout", "-q", "-f")
    assert unknown(audited(project)) <= {"ledger"}  # 6: thrown away; git put the older ledger there
    project.run("dvc", "exp", "run", "--queue", "-n", "two", "-S", "models.plain.method.depth=8")
    project.run("dvc", "exp", "run", "--run-all")
    assert unknown(audited(project)) <= {"ledger"}  # 7: a queued experiment ran in a copy
    project.run("dvc", "exp", "apply", "two")
    assert unknown(audited(project)) <= {"ledger"}  # 8: applied, with the ledger of its baseline
    project.command("sync")
    assert unknown(audited(project)) == set()
    assert lines <= read_chain(project.root / "reports/ledger.jsonl").hashes
    commit(project, "three")


def branches(project):
    """Trained on two branches, merged."""
    project.run("git", "checkout", "-qb", "other")
    seeded(project, 5)
    commit(project, "four")
    project.run("git", "checkout", "-q", "main")
    project.run("dvc", "checkout", "-q", "-f")
    assert unknown(audited(project)) <= {"ledger"}  # 9: the other branch's lines are not here
    shutil.move(project.root / "reports/runs/ledger.jsonl", project.root / "kept")  # as in another clone
    seeded(project, 7)
    commit(project, "five")
    project.run("git", "merge", "-q", "-X", "ours", "other", "-m", "both")
    shutil.rmtree(project.root / ".dvc/tmp/repro", ignore_errors=True)
    project.run("dvc", "repro")
    merged = read_chain(project.root / "reports/ledger.jsonl")
    assert not merged.faults and len(heads(merged.lines)) <= 2
    assert unknown(audited(project)) == set()  # 10: two branches' ledgers in one file
    (project.root / "kept").unlink()
    commit(project, "six") if project.run("git", "status", "--porcelain").stdout else None


def stores(project, tmp_path):
    """Without MLflow, with it again, and in a clone that has only the repository and the remote."""
    shutil.rmtree(project.root / "mlruns")
    (project.root / "mlflow.db").unlink()
    assert unknown(audited_as_typed(project)) == {"run", "alias"}  # 11: the store is lost
    project.command("sync")
    key = json.loads((project.root / "data/candidates/plain/candidate.json").read_text())["key"]
    run_id = json.loads((project.root / f"reports/runs/{key}.json").read_text())["mlflow_run_id"]
    assert unknown(audited_as_typed(project, run_id)) == set()  # 12: completed from files, by its run
    project.run("dvc", "remote", "add", "-d", "store", str(tmp_path / "remote"))
    commit(project, "remote")
    project.run("dvc", "push", "-q")
    project.run("git", "clone", "-q", str(project.root), str(tmp_path / "clone"))
    clone = Checkout(tmp_path / "clone")
    assert unknown(audited_as_typed(clone)) == {"run", "alias"}  # 13: restored from the remote
    assert not (clone.root / "mlflow.db").exists()
