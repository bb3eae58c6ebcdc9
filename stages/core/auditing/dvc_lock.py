"""dvc.lock as evidence: what DVC noted of each stage when it ran, and the same hashes computed anew from files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from stages.core.auditing.finding import Unknown
from stages.core.plain_text import one_line

EVALUATE = {"train": "evaluate@{}", "tune": "evaluate_tuned@{}", "combine": "evaluate_combined@{}"}


@dataclass(frozen=True)
class Lock:
    """Stages of a dvc.lock by name."""

    stages: dict[str, dict[str, Any]]

    def md5s(self, stage: str, part: str) -> dict[str, str]:
        """Hashes of the `deps` or `outs` of a stage, by path."""
        found = self.stages.get(stage, {}).get(part, [])
        return {str(item["path"]): str(item.get("md5", "")) for item in found}

    def params(self, stage: str) -> dict[str, Any]:
        """Values of params.yaml that a stage ran with, by dotted name."""
        found = self.stages.get(stage, {}).get("params", {})
        return dict(found.get("params.yaml", {}))


def parsed_lock(text: str) -> Lock:
    """Read the text of a dvc.lock. Raises ValueError when it is none."""
    try:
        tree = YAML(typ="safe", pure=False).load(text) or {}
        return Lock(dict(tree.get("stages", {})))
    except (YAMLError, AttributeError, TypeError) as error:
        raise ValueError(f"dvc.lock is damaged: {one_line(error)[:160]}") from error


def read_lock(path: Path) -> Lock:
    """Read dvc.lock. Raises Unknown when there is none, ValueError when it is damaged."""
    if not path.exists():
        raise Unknown("there is no dvc.lock: no `dvc repro` has run here")
    return parsed_lock(path.read_text(encoding="utf-8"))


def own_stage(record: dict[str, Any]) -> str:
    """Name in dvc.lock of the stage that made a candidate."""
    return f"{record['stage']}@{record['entry']}"


def evaluation_stage(record: dict[str, Any]) -> str:
    """Name in dvc.lock of the stage that judged a candidate."""
    return EVALUATE[record["stage"]].format(record["entry"])


def stages_behind(record: dict[str, Any]) -> list[str]:
    """Stages that a candidate came through, in their order, with the one that judged it."""
    taken = record["params"]["input"]
    features = [f"features@{taken.split('/')[1]}"] if "/" in taken else []
    return ["download", "validate", "normalize", *features, own_stage(record), evaluation_stage(record)]


def dvc_md5(root: Path, path: Path) -> str:
    """DVC's hash of a file or folder of the project at `root`: its own function, on bytes that are read now.

    DVC's state, which takes a file for unchanged by its time and size, is not asked.
    """
    from dvc.fs import localfs
    from dvc.ignore import DvcIgnoreFilter
    from dvc_data.hashfile.build import build
    from dvc_data.hashfile.db import HashFileDB

    without_state = HashFileDB(localfs, "", hash_name="md5")
    ignored = DvcIgnoreFilter(localfs, str(root.absolute()))
    _, _, built = build(without_state, str(path.absolute()), localfs, "md5", dry_run=True, ignore=ignored)
    return str(built.oid)
