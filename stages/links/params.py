"""params: what the candidate and the stages before it ran with <-> params.yaml, here and in the commit of it."""

from typing import Any

from ruamel.yaml import YAML

from stages.core.auditing.audited import Audited
from stages.core.auditing.dvc_lock import own_stage, stages_behind
from stages.core.auditing.finding import Found
from stages.core.settings.params import read_yaml

PLACE = 60
NOTHING = "no such key"


def check(audited: Audited, found: Found) -> str:
    """Compare candidate.json with dvc.lock, and dvc.lock with params.yaml of the checkout and of the holder."""
    record, lock = audited.record, audited.lock
    noted = lock.params(own_stage(record))
    own = {**noted.get(f"models.{record['entry']}", {}), "runtime": noted.get("runtime", {})}
    if record["stage"] == "combine":
        own |= noted.get(f"combine.{record['entry']}", {})
    for name, value in own.items():
        differing(f"{name} in candidate.json", value, record["params"].get(name, NOTHING), found)
    trees = {"params.yaml": read_yaml(audited.layout.params)}
    text = audited.holder.text("params.yaml") if audited.holder else None
    if audited.holder and text is not None:
        trees[f"params.yaml of {audited.holder.called}"] = YAML(typ="safe", pure=True).load(text)
    for stage in stages_behind(record):
        for name, value in lock.params(stage).items():
            for where, tree in trees.items():
                differing(f"{where}: {name}", value, at(tree, name), found)
    found.alarms = list(dict.fromkeys(found.alarms))
    return f"candidate.json, dvc.lock and {' and '.join(trees)} say the same"


def differing(what: str, expected: Any, got: Any, found: Found) -> None:
    """Compare two values, down to the single one that differs."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in sorted({*expected, *got}):
            differing(f"{what}.{name}", expected.get(name, NOTHING), got.get(name, NOTHING), found)
    else:
        found.same(what, expected, got)


def at(tree: Any, name: str) -> Any:
    """The value of a dotted name."""
    for part in name.split("."):
        if not isinstance(tree, dict) or part not in tree:
            return NOTHING
        tree = tree[part]
    return tree
