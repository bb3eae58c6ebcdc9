"""A project of its own with every kind of node in it, small enough that all of it takes about a minute."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from stages.core.layout import PROJECT

BACKBONE = {
    "backbone": "MobileNetV2", "arguments": {"alpha": 0.35}, "weights": None, "seed": 1, "height": 32, "width": 32,
    "pooling": "average", "store": True,
}  # fmt: skip
NODES = {  # each node, the target of `dvc repro`, and what it writes
    "download": ("download", ["data/source"]),
    "validate": ("validate", ["data/manifest.parquet", "reports/validation"]),
    "normalize": ("normalize", ["data/images"]),
    "features small": ("features@small", ["data/features/small"]),
    "train plain": ("train@plain", ["data/candidates/plain"]),
    "train head": ("train@head", ["data/candidates/head"]),
    "train logistic": ("train@logistic", ["data/candidates/logistic"]),
    "tune plain": ("tune@plain", ["data/candidates/plain-tuned", "reports/tuning/plain"]),
    "combine mean": ("combine@mean", ["data/combined/mean"]),
    "evaluate plain": ("evaluate@plain", ["reports/candidates/plain"]),
    "report": (
        "report",
        [
            "reports/index.html",
            "reports/leaderboard.csv",
            "reports/pareto.png",
            "reports/report.md",
            "reports/champion.json",
        ],
    ),
}


def project(folder: Path, code: Path = PROJECT, edit: Callable[[Any], None] | None = None) -> Path:
    """Make a git repository with the files of a checkout as they are and tiny params, and nothing run yet.

    edit: what makes the params tiny; left out: `tiny`.
    """
    listed = ["git", "-C", str(code), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, capture_output=True, check=True, text=True).stdout.split("\0"):
        if name and not name.startswith(("dvc.lock", "reports/")) and (code / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(code / name, folder / name)
    change(folder, edit or tiny)
    run(folder, ["git", "init", "-q"])
    run(folder, ["git", "add", "-A"])
    run(folder, ["git", "-c", "user.name=tiny", "-c", "user.email=tiny@example.com", "commit", "-qm", "tiny"])
    return folder


def change(folder: Path, edit: Callable[[Any], None]) -> None:
    """Edit params.yaml in place."""
    path = folder / "params.yaml"
    tree = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    edit(tree)
    with path.open("w", encoding="utf-8") as stream:
        YAML(typ="rt").dump(tree, stream)


def tiny(tree: Any) -> None:
    """One epoch of a network, of a head on features and of two trials; a classical model; the mean of two."""
    plain = tree["models"]["plain"]
    plain["blocks"] = plain["blocks"][:1]
    plain["fit"] |= {"epochs": 1, "early_stopping": None}
    fit = YAML(typ="safe").load(PROJECT / "recipes/trashnet_transfer.yaml")["models"]["bottleneck"]["fit"]
    head = {"kind": "transfer", "input": "features/small", "dense": [], "dropout": 0.0, "unfreeze": None}
    classical = YAML(typ="safe").load(PROJECT / "recipes/digits_classical.yaml")["models"]
    logistic = classical["logistic"]
    tree["backbones"] = {"small": BACKBONE}
    tree["models"] = {"plain": plain, "head": {**head, "fit": {**fit, "epochs": 1}}, "logistic": logistic}
    tree["tune"]["plain"] |= {"budget": {"trials": 2}, "initial_points": 1, "epochs": 1}
    tree["combine"] = {"mean": {"method": "average", "members": ["plain", "logistic"]}}
    tree["evaluate"]["bootstrap"] = 20


def environment() -> dict[str, str]:
    """The variables of a child: ours, without any that name a store."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "DVC_"))}
    return kept | {"PATH": f"{Path(sys.executable).parent}:{kept['PATH']}", "PYTHONPATH": ""}


def run(folder: Path, command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a project to its end."""
    return subprocess.run(
        command,
        cwd=folder,
        env=environment() | variables,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def outs(folder: Path) -> dict[str, str]:
    """DVC's hash of every out of a project, by its path."""
    path = folder / "dvc.lock"
    lock = YAML(typ="safe", pure=True).load(path.read_text()) if path.exists() else None
    stages = lock["stages"] if lock else {}
    return {out["path"]: out["md5"] for stage in stages.values() for out in stage.get("outs", [])}
