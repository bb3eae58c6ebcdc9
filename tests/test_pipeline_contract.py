"""dvc.yaml tells the truth: every node declares the code it imports, the files it reads and the params it takes."""

import ast
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages.core.evaluating.evaluation import READS
from stages.core.layout import PROJECT
from stages.core.settings.evaluate_options import Evaluate

PIPELINE = YAML(typ="safe").load((PROJECT / "dvc.yaml").read_text())["stages"]
NODES = {name: node.get("do", node) for name, node in PIPELINE.items()}
PYTHON = sorted(path.relative_to(PROJECT).as_posix() for path in (PROJECT / "stages").rglob("*.py"))

# Files that may stop a node or show something, but can't change what it writes: were they declared, a new
# message or a new optional section would train every model again.
CANNOT_CHANGE_AN_OUT = {
    "stages/core/errors.py": "messages",
    "stages/core/console.py": "messages, progress",
    "stages/core/layout.py": "names of paths; dvc.yaml holds the same names",
    "stages/core/claims.py": "one process at a time",
    "stages/core/stopping.py": "how a process ends that is told to",
    "stages/core/settings/params.py": "checks values, which are declared themselves",
    "stages/core/settings/param_errors.py": "messages",
    "stages/core/settings/options.py": "types of those values",
    "stages/core/settings/fit_options.py": "types of those values",
    "stages/core/settings/drift_options.py": "types of those values",
    "stages/core/settings/learning_curve_options.py": "types of values that no node reads",
    "stages/core/settings/evaluate_options.py": "types of those values",
    "stages/core/settings/backbone_options.py": "types of those values",
    "stages/core/settings/report_options.py": "types of those values",
    "stages/core/settings/augment_options.py": "types of those values",
    "stages/core/settings/promote_options.py": "types of values that no node reads",
    "stages/core/settings/combine_options.py": "types of those values",
    "stages/core/settings/head_options.py": "types of those values",
    "stages/core/settings/serve_options.py": "types of those values",
    "stages/core/candidates/run_record.py": "seconds, machine and commit, in files that no node reads",
    "stages/core/reporting/closing.py": "what the terminal shows at the end",
    "stages/core/auditing/entries.py": "appends to the ledger, which no node reads",
    "stages/core/tracking/live.py": "tells MLflow of epochs",
    "stages/core/tracking/mirror.py": "mirrors finished files to MLflow",
}


def imported(module: str) -> set[str]:
    """Files of the project that a file imports, wherever the import stands."""
    found = set()
    for node in ast.walk(ast.parse((PROJECT / module).read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stages"):
            base = str(node.module).replace(".", "/")
            candidates = [f"{base}.py", *(f"{base}/{alias.name}.py" for alias in node.names)]
            found |= {path for path in candidates if path in PYTHON}
    return found


def reached(starts: set[str]) -> set[str]:
    """All files that running the first ones executes, without those that can't change an out."""
    todo, seen = set(starts), set()
    while todo:
        path = todo.pop()
        if path not in seen and path not in CANNOT_CHANGE_AN_OUT:
            seen.add(path)
            todo |= imported(path)
    return seen


def declared_code(node: dict) -> set[str]:
    """Python files among the deps of a node; a folder or a kind's template stands for its files."""
    found = set()
    for dep in node["deps"]:
        pattern = dep.replace("${item.kind}", "*")
        if (PROJECT / pattern).is_dir() and dep.startswith("stages/"):
            pattern += "/*"
        found |= {path for path in PYTHON if Path(path).match(pattern)}
    return {path for path in found if not path.endswith("__init__.py")}


def kinds_of(node: dict) -> set[str]:
    """Files of the kinds that a node calls: those its deps name."""
    return {path for path in declared_code(node) if path.split("/")[1] in ("datasets", "checks", "models")}


@pytest.mark.parametrize("name", NODES)
def test_a_node_declares_exactly_the_code_that_it_runs(name):
    """Editing a file re-runs the nodes that execute it, and no other."""
    node = NODES[name]
    main = f"stages/{node['cmd'].split()[3]}.py"

    assert declared_code(node) == reached({main} | kinds_of(node))


@pytest.mark.parametrize("name", NODES)
def test_a_node_calls_kinds_only_where_it_declares_them(name):
    """`entry.module("checks")` in the code of a node means stages/checks in its deps."""
    node = NODES[name]
    code = "".join((PROJECT / path).read_text() for path in declared_code(node))
    called = set(re.findall(r'\.module\("(\w+)"\)', code))

    assert called == {path.split("/")[1] for path in kinds_of(node)}


PARAMS_READ = re.compile(r"params\.tree\.(\w+)")
CHANGES_NO_OUT = {"fit"}  # how often a training is kept


@pytest.mark.parametrize("name", NODES)
def test_a_node_declares_the_sections_that_it_reads(name):
    """A changed section re-runs the nodes that read it, and no other."""
    node = NODES[name]
    code = "".join((PROJECT / path).read_text() for path in declared_code(node))
    read = set(PARAMS_READ.findall(code))
    read |= {"datasets"} if "params.dataset" in code else set()
    read |= {"checks"} if "params.checks" in code else set()
    read |= {"backbones"} if "params.backbone(" in code else set()
    read |= {"models"} if "params.model(" in code else set()
    read |= {"models", "tune", "combine"} if "params.candidates" in code else set()

    assert read - CHANGES_NO_OUT == {param.split(".")[0] for param in node["params"]}


def test_a_search_depends_on_what_its_trials_are_judged_by_alone():
    """`tune` declares the keys of `evaluate` that the plain evaluation reads: another threshold searches nothing anew."""
    code = "".join((PROJECT / path).read_text() for path in declared_code(NODES["tune"]))
    declared = {param.split(".")[1] for param in NODES["tune"]["params"] if param.startswith("evaluate.")}
    read = {name for name in Evaluate.model_fields if re.search(rf"options\.{name}\b", code)}

    assert declared == set(READS) == read


@pytest.mark.parametrize("name", NODES)
def test_a_description_is_the_docstring_of_its_node(name):
    """What `dvc stage list` says is what the file says."""
    node = NODES[name]
    docstring = ast.get_docstring(ast.parse((PROJECT / f"stages/{node['cmd'].split()[3]}.py").read_text()))

    assert node["desc"] == docstring.splitlines()[0]


def test_every_file_in_stages_is_a_node():
    """`ls stages/` is the pipeline."""
    files = {path.stem for path in (PROJECT / "stages").glob("[!_]*.py")}

    assert files == {node["cmd"].split()[3] for node in NODES.values()}


def test_what_others_are_told_is_an_out():
    """DVC keeps the description of the data set and the model card, as an audit writes both anew."""
    assert {"reports/croissant.json", "reports/model_card.md"} <= set(NODES["report"]["outs"])
