"""What the gate of `imagetrail promote` decides when one thing is wrong: python benchmarks/promotion.py [WORD …]

Trains a tiny project (a weak model, a strong one, and the strong one again from another seed), makes the weak one
champion, and then, in a copy each, plants one failure, promotes the strong one, and prints a row of a Markdown table:
what was planted, the decision, the gates that were not passed, and what the planted one says. At the end: what a first
promotion, a forced one, a rollback and a dead server come to, and the parity of the served model.
WORDs choose the kinds whose name holds one. Ends with 1 when a planted failure passes its gate.
"""

import json
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from ruamel.yaml import YAML

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.tiny import change, project, run
from stages.core.auditing.chain import made, read_chain
from stages.core.files import read_json, write_json

WEAK, STRONG, TWIN = "weak", "strong", "twin"
EPOCHS = {WEAK: 2, STRONG: 6, TWIN: 6}
STORED = ("experiments.artifact_location", "runs.artifact_uri", "logged_models.artifact_location")
OF_VERSION = ("model_versions.source", "model_versions.storage_location")


@dataclass(frozen=True)
class Kind:
    """A planted failure: its name, the gate that must see it, what plants it in a project, and who is promoted."""

    name: str
    gate: str
    plant: Callable[[Path], None]
    candidate: str = STRONG


# ---- the project ---------------------------------------------------------------------------------------------------


def models(tree: Any) -> None:
    """Three entries of one architecture: one epoch, six, and six from another seed."""
    plain = YAML(typ="safe").load(json.dumps(tree["models"]["plain"]))
    tree["models"], tree["tune"] = {}, {}
    for name, epochs in EPOCHS.items():
        own = json.loads(json.dumps(plain))
        own["fit"] |= {"epochs": epochs, "early_stopping": None, "seeds": [2 if name == TWIN else 1]}
        tree["models"][name] = own
    tree["evaluate"]["bootstrap"] = 20
    tree["promote"]["latency"]["max_one_image_ms"] = 1000.0


def trained(root: Path) -> Path:
    """Make the project, train it, commit it, and make the weak model the first champion."""
    project(root, edit=models)
    for name, value in (("user.name", "tiny"), ("user.email", "tiny@example.com")):
        called(root, "git", "config", name, value)
    called(root, "dvc", "repro")
    committed(root)
    imagetrail(root, "sync")
    return root


def crowned(root: Path, name: str = WEAK) -> dict[str, Any]:
    """Promote a first champion. Raises RuntimeError when the gate refuses it."""
    told: dict[str, Any] = json.loads(imagetrail(root, "promote", name, "--json"))
    committed(root)
    return told


def committed(root: Path) -> None:
    """Commit everything."""
    called(root, "git", "add", "-A")
    called(root, "git", "commit", "-qm", "next")


def called(root: Path, *command: str) -> str:
    """Run a command. Raises RuntimeError with what it said."""
    done = run(root, list(command))
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-3000:]}"
        )
    return done.stdout


def imagetrail(root: Path, *words: str) -> str:
    """Run `imagetrail ...` with the project's own code."""
    return called(root, sys.executable, "-m", "stages.commands", *words)


def copied(root: Path, place: Path) -> Path:
    """Copy a project with its store, which names its files by absolute paths."""
    shutil.copytree(root, place, symlinks=True)
    with closing(sqlite3.connect(place / "mlflow.db")) as store:
        for where in (*STORED, *OF_VERSION):
            table, column = where.split(".")
            store.execute(f"update {table} set {column} = replace({column}, ?, ?)", (str(root), str(place)))  # noqa: S608
        store.commit()
    return place


# ---- failures to plant -----------------------------------------------------------------------------------------------


def limit(section: str, name: str, value: Any) -> Callable[[Path], None]:
    """Set a limit below (or above) what the model has."""

    def plant(root: Path) -> None:
        change(root, lambda tree: tree["promote"][section].__setitem__(name, value))

    return plant


def nothing(root: Path) -> None:
    """Plant nothing: the candidate itself is what is wrong."""


def others_tested(root: Path) -> None:
    """Divide the data anew and train on it: other images are tested."""
    change(root, lambda tree: tree["split"].__setitem__("seed", 2))
    called(root, "dvc", "repro")
    committed(root)
    imagetrail(root, "sync")


def another_exam(root: Path) -> None:
    """Let the champion have been tested on other bytes: in its line of the ledger, with all hashes made to fit."""
    *kept, last = read_chain(root / "reports/ledger.jsonl").lines
    line = made(last.kind, last.time, {**last.body, "exam": "0" * 64}, kept)
    for name in ("reports/ledger.jsonl", "reports/runs/ledger.jsonl"):
        (root / name).write_text("".join(one.text + "\n" for one in [*kept, line]))


def strong_is_champion(root: Path) -> None:
    """Let the strong one be champion."""
    imagetrail(root, "promote", STRONG)
    committed(root)


def one_class_lost(root: Path) -> None:
    """Let the candidate take every second image of one class for another one."""
    path = root / f"reports/candidates/{STRONG}/test_answers.parquet"
    table = pd.read_parquet(path)
    rows = np.flatnonzero(table["truth"] == 3)[::2]
    table.loc[rows, "predicted.0"] = 5
    table.to_parquet(path, index=False, compression="zstd")


def history_edited(root: Path) -> None:
    """Raise an accuracy in a file of the candidate."""
    path = root / f"data/candidates/{STRONG}/history.csv"
    text = path.read_text()
    path.unlink()
    path.write_text(text.replace("\n1,", "\n1,9", 1))


def store_without_run(root: Path) -> None:
    """Take away what MLflow knows of the run's end: the audit can't compare it."""
    with closing(sqlite3.connect(root / "mlflow.db")) as store:
        store.execute("delete from tags where key = 'imagetrail.complete'")
        store.commit()


def packaged(root: Path, name: str = STRONG) -> Path:
    """Folder of the packaged model that takes files."""
    key = read_json(root / f"data/candidates/{name}/candidate.json")["key"]
    with closing(sqlite3.connect(root / "mlflow.db")) as store:
        found = store.execute(
            "select logged_models.artifact_location from logged_models join tags on tags.run_uuid = source_run_id "
            "where tags.key = 'imagetrail.key' and tags.value = ? and logged_models.name = 'model_from_files'",
            (key,),
        ).fetchone()
    return Path(str(found[0]).removeprefix("file://"))


def about(edit: Callable[[dict[str, Any]], None]) -> Callable[..., None]:
    """Change what the packaged model knows of itself."""

    def plant(root: Path, name: str = STRONG) -> None:
        (path,) = packaged(root, name).rglob("about.json")
        told = read_json(path)
        edit(told)
        write_json(path, told)

    return plant


def other_weights(root: Path) -> None:
    """Put the twin's network into the package."""
    (path,) = packaged(root).rglob("model.keras")
    shutil.copy(root / f"data/candidates/{TWIN}/model.keras", path)


def broken_code(root: Path, name: str = STRONG) -> None:
    """Let the packaged code import what is nowhere."""
    (path,) = packaged(root, name).rglob("served_model.py")
    path.write_text("import imagetrail_of_another_machine\n" + path.read_text())


def skewed_code(root: Path, name: str = STRONG) -> None:
    """Let the packaged code read images upside down: no file of the model differs."""
    (path,) = packaged(root, name).rglob("served_model.py")
    before, after = '.get("ranges")).pixels', '.get("ranges")).pixels[::-1]'
    text = path.read_text()
    if before not in text:
        raise RuntimeError(f"{path.name} does not say {before!r} any more")
    path.write_text(text.replace(before, after))


def golden_gone(root: Path) -> None:
    """Take the golden answers away."""
    (root / f"reports/candidates/{STRONG}/golden.json").unlink()


def evidence_gone(root: Path) -> None:
    """Take away what the champion answered, here and in MLflow."""
    for path in [
        *root.glob("mlruns/**/test_answers.parquet"),
        root / f"reports/candidates/{WEAK}/test_answers.parquet",
    ]:
        if WEAK in path.parts or "promotion" in path.parts or "evaluation" in path.parts:
            path.unlink()


KINDS = [
    Kind("nothing: the strong one against the weak one", "", nothing),
    Kind("other test images: split.seed changed, all trained anew", "same_images", others_tested),
    Kind("the champion's test images had other bytes", "same_images", another_exam),
    Kind("what the champion answered is gone from everywhere", "same_images", evidence_gone),
    Kind("a file of the candidate was edited", "lineage", history_edited),
    Kind("MLflow's run was never completed: unknown", "lineage", store_without_run),
    Kind("not signed, and a signature is asked for", "lineage", limit("lineage", "may_be_unknown", ["sbom"])),
    Kind("the same recipe from another seed", "better", strong_is_champion, TWIN),
    Kind("a worse one", "better", strong_is_champion, WEAK),
    Kind("the gain is below promote.better.min_gain", "better", limit("better", "min_gain", 0.9)),
    Kind("half of one class is taken for another", "classes", one_class_lost),
    Kind("a class is below promote.classes.min_recall", "classes", limit("classes", "min_recall", 1.0)),
    Kind("the calibration error is above its limit", "calibration", limit("calibration", "max_ece", 0.0)),
    Kind("the files are above their limit", "size", limit("size", "max_bytes", 1000)),
    Kind("more parameters than allowed", "size", limit("size", "max_parameters", 1000)),
    Kind("an answer takes longer than allowed", "latency", limit("latency", "max_one_image_ms", 0.0001)),
    Kind("package: two classes in another order", "served", about(lambda told: told["classes"].reverse())),
    Kind("package: another temperature", "served", about(lambda told: told.update(temperature=1.001))),
    Kind("package: the twin's network", "served", other_weights),
    Kind("package: its code imports what is not there", "served", broken_code),
    Kind("package: its code turns images upside down", "served", skewed_code),
    Kind("no golden answers", "served", golden_gone),
]


# ---- the table -------------------------------------------------------------------------------------------------------


def promoted(root: Path, *words: str) -> tuple[int, dict[str, Any], str]:
    """Promote: exit code, decision, and what was said."""
    done = run(root, [sys.executable, "-m", "stages.commands", "promote", *words, "--json"])
    said = done.stderr.strip().splitlines()
    return done.returncode, json.loads(done.stdout) if done.stdout.startswith("{") else {}, said[-1] if said else ""


def row(kind: Kind, root: Path, place: Path) -> bool:
    """Plant, promote, print; whether the gate saw it."""
    copy = copied(root, place)
    kind.plant(copy)
    code, body, said = promoted(copy, kind.candidate)
    failed = body.get("failed", [])
    reason = next((gate["reason"] for gate in body.get("gates", []) if gate["gate"] == kind.gate), said)
    right = (code == 0 and not failed) if not kind.gate else (code == 3 and kind.gate in failed)
    cells = [kind.gate or "–", kind.name, f"{body.get('what', 'error')} ({code})", ", ".join(failed), reason[:160]]
    print(f"| {' | '.join(cells)} |")
    sys.stdout.flush()
    shutil.rmtree(place)
    return right


BY = ("--by", "Ada", "--why", "a test")
BY_HAND = [
    (TWIN, "--force"),
    (STRONG,),
    (TWIN,),
    (TWIN, "--force", *BY),
    ("--rollback", *BY),
    ("--rollback",),
    ("--rollback",),
]


def others(root: Path, place: Path) -> None:
    """Print what a person decides, and what a store that is gone comes to."""
    copy = copied(root, place)
    for words in BY_HAND:
        code, body, said = promoted(copy, *words)
        decision = f"{body.get('what', '')} {body.get('candidate', '')}"
        print(f"| promote {' '.join(words)} | {code} | {decision} | {said[:160]} |")
    command = [sys.executable, "-m", "stages.commands", "promote", TWIN]
    done = run(copy, command, MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    said = done.stderr.strip().splitlines()[-1]
    print(f"| promote {TWIN}, and the server is dead | {done.returncode} | | {said[:160]} |")


def main(words: list[str]) -> int:
    """Print the tables; 0 when every planted failure was seen by its gate."""
    wanted = [kind for kind in KINDS if not words or any(word in f"{kind.gate} {kind.name}" for word in words)]
    with tempfile.TemporaryDirectory() as folder:
        root = trained(Path(folder) / "project")
        first = crowned(root)
        served = next(gate for gate in first["gates"] if gate["gate"] == "served")
        print(f"first champion: {first['candidate']}, {first['what']}; {served['reason']}\n")
        print("| gate | planted | decision (exit code) | not passed | what the gate says |\n|---|---|---|---|---|")
        seen = [row(kind, root, Path(folder) / "copy") for kind in wanted]
        print("\n| command | exit code | decision | last line |\n|---|---|---|---|")
        others(root, Path(folder) / "copy")
    print(f"\n{sum(seen)} of {len(seen)} as they should be")
    return int(not all(seen))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
