"""A clean copy of the project in which a candidate is made again from its source images, with nothing cached."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from stages.core.auditing.audited import Audited
from stages.core.candidates.git_state import git
from stages.core.console import say
from stages.core.errors import UserError
from stages.core.settings.params import TUNED

LEFT_OUT = ("DVC_ROOT", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV", "PYTHONPATH")


def rebuild(audited: Audited, place: Path) -> Path:
    """Make the candidate anew in a clone at `place`; returns its folder there. Raises UserError when a node fails."""
    clone(audited, place)
    bring_source(audited.layout.root, place)
    for node in nodes(audited.record, place):
        say(f"replay: python -m stages {' '.join(node)}")
        run(place, [sys.executable, "-m", "stages", *node])
    return place / audited.candidate.folder.relative_to(audited.layout.root)


def clone(audited: Audited, place: Path) -> None:
    """Clone the commit or experiment that holds the candidate; before it is committed, the files as they are now."""
    root, found = audited.layout.root, audited.holder
    revision = found.revision if found else "HEAD"
    run(root, ["git", "clone", "-q", "--shared", "--no-checkout", str(root), str(place)])
    run(place, ["git", "checkout", "-q", "--detach", git(root, "rev-parse", revision)])
    say(f"replay: {found.called if found else 'not committed yet: the files of the working tree'}, in {place}")
    if found:
        return
    listed = git(root, "ls-files", "-z", "--modified", "--others", "--exclude-standard").split("\0")
    for name in listed:
        if name and (root / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, place / name)


def bring_source(root: Path, place: Path) -> None:
    """Put data/source there from DVC's cache or remote, so that nothing is downloaded; else `download` runs."""
    local = root / ".dvc/config.local"
    if local.exists():
        shutil.copy(local, place / ".dvc/config.local")
    cache = root / ".dvc/cache"
    if not configured(root):
        run(place, [sys.executable, "-m", "dvc", "cache", "dir", "--local", str(cache)])
    command = [sys.executable, "-m", "dvc", "pull", "--quiet", "data/source"]
    if subprocess.run(command, cwd=place, env=environment(place), capture_output=True, check=False).returncode:
        run(place, [sys.executable, "-m", "stages", "download"])


def configured(root: Path) -> bool:
    """Whether the project keeps its cache elsewhere, as its configuration says."""
    command = [sys.executable, "-m", "dvc", "config", "cache.dir"]
    return bool(subprocess.run(command, cwd=root, capture_output=True, text=True, check=False).stdout.strip())


def nodes(record: dict[str, Any], place: Path) -> list[list[str]]:
    """Arguments of the nodes that make a candidate from its source, in their order."""
    members = list(record["inputs"].get("members", {}))
    makers = [["tune", name.removesuffix(TUNED)] if name.endswith(TUNED) else ["train", name] for name in members]
    features = [["features", name] for name in features_of(place, members or [record["entry"]])]
    return [["validate"], ["normalize"], *features, *makers, [record["stage"], record["entry"]]]


def features_of(place: Path, names: list[str]) -> list[str]:
    """Backbones whose features these entries of params.yaml take."""
    models = YAML(typ="safe", pure=True).load((place / "params.yaml").read_text(encoding="utf-8"))["models"]
    taken = [str(models[name.removesuffix(TUNED)]["input"]) for name in names if name.removesuffix(TUNED) in models]
    return list(dict.fromkeys(one.split("/")[1] for one in taken if "/" in one))


def run(place: Path, command: list[str]) -> None:
    """Run a command of the copy. Raises UserError with the end of what it said."""
    done = subprocess.run(command, cwd=place, env=environment(place), capture_output=True, text=True, check=False)
    if done.returncode:
        said = "\n  ".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise UserError(f"{' '.join(command[1:])} ended with {done.returncode} in the copy:\n  {said}")


def environment(place: Path) -> dict[str, str]:
    """Our variables without what points to this checkout: runs and ledger of a replay stay in the copy."""
    kept = {key: value for key, value in os.environ.items() if key not in LEFT_OUT and not key.startswith("MLFLOW_")}
    return {**kept, "MLFLOW_TRACKING_URI": f"sqlite:///{place}/mlflow.db", "MLFLOW_DISABLE_TELEMETRY": "true"}
