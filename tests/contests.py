"""Candidates before the gate, made by hand: files, answers and a run each, and no training."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from stages.core.auditing.finding import OK, Verdict
from stages.core.candidates.candidate import read_candidate
from stages.core.evaluating.answers import write_answers
from stages.core.evaluating.metrics import prepared
from stages.core.files import digest, text_digest, write_json
from stages.core.layout import PROJECT, Layout
from stages.core.promoting.contest import Contest
from stages.core.settings.params import Params, load

CLASSES = ["cat", "dog"]
N_IMAGES = 40
TRUTH = np.arange(N_IMAGES) % 2
FINE = [Verdict("model", OK, ["fine"], [])]


def limits(**sections: dict[str, Any]) -> Params:
    """The project's own params, with some limits changed."""
    params = load(PROJECT / "params.yaml")
    own = params.tree.promote
    new = {
        name: getattr(own, name).model_copy(update=values) if isinstance(values, dict) else values
        for name, values in sections.items()
    }
    tree = params.tree.model_copy(update={"promote": own.model_copy(update={"name": "pets", **new})})
    return replace(params, tree=tree)


def manifest(root: Path, contents: str = "0", n: int = N_IMAGES) -> None:
    """Write a manifest with test images alone; `contents` stands for their bytes."""
    rows = {
        "path": [f"{CLASSES[k % 2]}/{k}.png" for k in range(n)],
        "split": "test",
        "sha256": [f"{contents}{k:063d}" for k in range(n)],
        "label": [CLASSES[k % 2] for k in range(n)],
    }
    (root / "data").mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_parquet(root / "data/manifest.parquet", index=False)


def candidate(root: Path, name: str, wrong: list[int], ece: float = 0.01) -> str:
    """Write a candidate that is wrong about some images, with its evaluation; returns its key."""
    layout, key = Layout(root), text_digest(name)[:32]
    record = {
        "name": name, "key": key, "failure": None, "classes": CLASSES, "stage": "train", "entry": name,
        "params": {"kind": "plain_cnn"}, "model_bytes": 1000, "n_parameters": 50, "multiply_adds": 70,
        "input_shape": [8, 8, 1], "lock_sha256": "0" * 64, "outputs": {"model.keras": "0" * 64},
        "inputs": {"manifest_sha256": digest(layout.manifest), "images": {}},
    }  # fmt: skip
    folder, paths = layout.evaluation(name), list(pd.read_parquet(layout.manifest)["path"])
    folder.mkdir(parents=True)
    layout.candidate(name).mkdir(parents=True)
    (layout.candidate(name) / "model.keras").write_text(name)
    for place in (layout.candidate(name), folder):
        write_json(place / "candidate.json", record)
    right = np.isin(np.arange(N_IMAGES), wrong, invert=True)
    probabilities = np.where((TRUTH == 1) == right, 0.9, 0.1)
    write_answers(folder, "test", paths, [prepared(TRUTH, np.stack([1 - probabilities, probabilities], axis=1))])
    write_json(folder / "metrics.json", {"test_accuracy": float(right.mean()), "test_ece": ece})
    return key


def contest(root: Path, name: str, params: Params | None = None, **more: Any) -> Contest:
    """A candidate before the gate, with an audit that finds nothing."""
    own = read_candidate(Layout(root).candidate(name))
    more = {"champion": None, "audit": lambda: FINE, "package": lambda: root, **more}
    return Contest(Layout(root), params or limits(), own, **more)


def run_of(root: Path, client: Any, experiment: str, name: str) -> None:
    """Give a candidate its run, and a packaged model."""
    key = read_candidate(Layout(root).candidate(name)).record["key"]
    package_of(
        client, experiment, client.create_run(experiment, tags={"imagetrail.key": key}, run_name=name).info.run_id
    )


def package_of(client: Any, experiment: str, run_id: str) -> None:
    """Give a run a packaged model, or one more."""
    from mlflow.entities import LoggedModelOutput

    model = client.create_logged_model(experiment, "model_from_files", source_run_id=run_id)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "MLmodel").write_text("flavors: {}\n")
        client.log_model_artifact(model.model_id, f"{folder}/MLmodel")
    client.finalize_logged_model(model.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(model.model_id, 0)])
