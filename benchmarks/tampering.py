"""What `imagetrail audit` says when one store is tampered with: python benchmarks/tampering.py [WORD …]

Trains one tiny project (a CNN, and a head on a pretrained network), then makes a copy for each kind of tampering, does
it, audits, and prints a row of a Markdown table: what was done, which links raised the alarm, and the first sentence.
WORDs choose the kinds whose name holds one. Ends with 1 when a kind is
not seen, or the untouched project raises an alarm.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from ruamel.yaml import YAML

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from stages.commands.audit import audit
from stages.core.auditing.chain import Line, made, read_chain
from stages.core.auditing.finding import ALARM, Verdict
from stages.core.auditing.ledger import append
from stages.core.candidates.candidate import read_candidate
from stages.core.files import digest, read_json, write_json
from stages.core.governance.keys import fingerprint, make_keys
from stages.core.governance.sbom import bill
from stages.core.governance.signing import SIGNATURE, line_body, sign, signature_path
from stages.core.ingest.source import Member, Source, images_named, index_of, write_source
from stages.core.layout import PROJECT, Layout
from stages.core.promoting.history import PROMOTED, PROMOTION
from stages.core.promoting.promotion import entered
from stages.core.settings.params import open_project
from stages.core.tracking.registry import CHAMPION, Registry

NET, HEAD = "net", "head"
STORED = ("experiments.artifact_location", "runs.artifact_uri", "logged_models.artifact_location")
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "TF_CPP_MIN_LOG_LEVEL": "3"}


@dataclass(frozen=True)
class Kind:
    """A kind of tampering: its name, what does it to a project, and the candidate that is audited after it."""

    name: str
    do: Callable[[Path], None]
    model: str = "plain"


# ---- the project ---------------------------------------------------------------------------------------------------


def run(root: Path, *command: str) -> str:
    """Run a command in a project. Raises CalledProcessError."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MLFLOW_", "DVC_"))}
    environment = {**kept, **QUIET, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
        )
    return done.stdout


def trained(root: Path) -> Path:
    """Make a project with two tiny models at `root`, train and commit it."""
    listed = run(PROJECT, "git", "ls-files", "--cached", "--others", "--exclude-standard")
    for name in listed.splitlines():
        if name not in ("dvc.lock", "reports/ledger.jsonl") and (PROJECT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, root / name)
    run(root, "git", "init", "-q", "-b", "main")
    run(root, "git", "config", "user.email", "tests@example.com")
    run(root, "git", "config", "user.name", "tests")
    weights = root.parent / "small.weights.h5"
    network = "keras.applications.MobileNetV2((32, 32, 3), alpha=0.35, include_top=False, weights=None)"
    run(
        root,
        sys.executable,
        "-c",
        f"import keras; keras.utils.set_random_seed(1); {network}.save_weights({str(weights)!r})",
    )
    write_params(root, weights)
    commit(root, "start")
    run(root, "dvc", "repro")
    told_to_others(root)
    commit(root, "trained")
    return root


def told_to_others(root: Path) -> None:
    """List the packages, sign both models with a key beside the project, and let MLflow know."""
    write_json(Layout(root).sbom, bill(Layout(root).lock))
    make_keys(root.parent / "keys", None)
    make_keys(root.parent / "other", None)
    for name in ("plain", HEAD):
        run(root, sys.executable, "-m", "stages.commands", "sign", name, "--key", str(root.parent / "keys/private.pem"))
    run(root, sys.executable, "-m", "stages.commands", "sync")


def key_of(root: Path) -> Path:
    """The public key that must have signed."""
    return root.parent / "keys/public.pem"


def write_params(root: Path, weights: Path) -> None:
    """Two entries that train in seconds."""
    tree = YAML(typ="safe").load((root / "params.yaml").read_text())
    size = {"seed": 1, "height": 32, "width": 32, "pooling": "average", "store": True}
    file = {"uri": str(weights), "sha256": digest(weights), "licence": "none, it is random"}
    tree["backbones"] = {NET: {"backbone": "MobileNetV2", "arguments": {"alpha": 0.35}, "weights": file, **size}}
    plain = tree["models"]["plain"]
    plain["fit"]["epochs"] = 2
    head = {"kind": "transfer", "input": f"features/{NET}", "dense": [], "dropout": 0.0, "unfreeze": None}
    tree["models"] = {"plain": plain, HEAD: {**head, "fit": dict(plain["fit"])}}
    tree["tune"], tree["evaluate"]["bootstrap"] = {}, 20
    with (root / "params.yaml").open("w") as stream:
        YAML().dump(tree, stream)


def commit(root: Path, message: str, *more: str) -> None:
    """Commit all that git may know."""
    run(root, "git", "add", "-A")
    run(root, "git", "commit", "-qm", message, *more)


def copied(root: Path, place: Path) -> Path:
    """Copy a project, its MLflow store included: a store names its files by absolute paths."""
    shutil.copytree(root, place, symlinks=True)
    with closing(sqlite3.connect(place / "mlflow.db")) as store:
        for where in STORED:
            table, column = where.split(".")
            store.execute(f"update {table} set {column} = replace({column}, ?, ?)", (str(root), str(place)))  # noqa: S608
        store.commit()
    return place


# ---- ways to change a file ----------------------------------------------------------------------------------------


def json_edit(name: str, change: Callable[[Any], None]) -> Callable[[Path], None]:
    """Change a JSON file."""

    def do(root: Path) -> None:
        tree = read_json(root / name)
        change(tree)
        write_json(root / name, tree)

    return do


def text_edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    """Replace the first occurrence of a text."""

    def do(root: Path) -> None:
        text = (root / name).read_text()
        if old not in text:
            raise ValueError(f"{name} has no {old}")
        (root / name).write_text(text.replace(old, new, 1))

    return do


def table_edit(name: str, change: Callable[[pd.DataFrame], None]) -> Callable[[Path], None]:
    """Change a parquet or CSV file."""

    def do(root: Path) -> None:
        path = root / name
        frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
        change(frame)
        frame.to_parquet(path, index=False) if path.suffix == ".parquet" else frame.to_csv(path, index=False)

    return do


def byte_edit(pattern: str, place: float = 0.5) -> Callable[[Path], None]:
    """Change one byte of the first file of a name."""

    def do(root: Path) -> None:
        path = next(iter(sorted(root.glob(pattern))))
        data = bytearray(path.read_bytes())
        data[int(len(data) * place)] ^= 1
        path.write_bytes(data)

    return do


def pixel_edit(root: Path) -> None:
    """Change one value of the packed test images."""
    images = np.lib.format.open_memmap(root / "data/images/test.npy", "r+")
    images[3, 4, 4] ^= 1
    images.flush()


def pixel_edit_with_hash(root: Path) -> None:
    """The same, with pack.json made to fit."""
    pixel_edit(root)
    json_edit("data/images/pack.json", lambda pack: pack.update(test=digest(root / "data/images/test.npy")))(root)


def source_edit(
    change: Callable[[str, bytes, dict[str, Any]], bytes], with_hash: bool = False
) -> Callable[[Path], None]:
    """Write zip and index anew after a change, and source.json where that is made to fit."""

    def do(root: Path) -> None:
        archive = root / "data/source/images.zip"
        rows = pd.read_parquet(index_of(archive)).astype("object").where(lambda table: table.notna(), None)
        known = {row["path"]: row for row in rows.to_dict("records")}
        files = {path: change(path, data, known[path]) for path, data in images_named(archive, list(known))}
        members = [
            Member(path, lambda path=path: files[path], row["label"], row["split"], row["group"], row["note"])
            for path, row in known.items()
        ]
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "images.zip"
            write_source(place, Source({}, members, "table"))
            shutil.copy(place, archive)
            shutil.copy(index_of(place), index_of(archive))
        hashes = {"images_zip_sha256": digest(archive), "index_sha256": digest(index_of(archive))}
        json_edit("data/source/source.json", lambda tree: tree.update(hashes))(root) if with_hash else None

    return do


def one_pixel(path: str, data: bytes, row: dict[str, Any]) -> bytes:
    """Change one pixel of one image."""
    import io

    if not path.startswith("3/"):
        return data
    image = np.asarray(Image.open(io.BytesIO(data))).copy()
    image[2, 2] ^= 1
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "png")
    return stream.getvalue()


def one_label(path: str, data: bytes, row: dict[str, Any]) -> bytes:
    """Give an image of class 3 the label 5."""
    if row["label"] == "3":
        row["label"] = "5"
    return data


def sql(statement: str, *values: Any) -> Callable[[Path], None]:
    """Change rows of the MLflow store that belong to the run of `plain`."""

    def do(root: Path) -> None:
        key = read_json(root / "data/candidates/plain/candidate.json")["key"]
        with closing(sqlite3.connect(root / "mlflow.db")) as store:
            (own,) = store.execute(
                "select run_uuid from tags where key = 'imagetrail.key' and value = ?", (key,)
            ).fetchone()
            changed = store.execute(f"{statement} and run_uuid = ?", (*values, own)).rowcount
            if not changed:
                raise ValueError(f"nothing to change: {statement}")
            store.commit()

    return do


def artifact_edit(name: str) -> Callable[[Path], None]:
    """Change one byte of a file that the run of `plain` keeps."""

    def do(root: Path) -> None:
        key = read_json(root / "data/candidates/plain/candidate.json")["key"]
        run_id = read_json(root / f"reports/runs/{key}.json")["mlflow_run_id"]
        byte_edit(f"mlruns/digits/{run_id}/artifacts/{name}")(root)

    return do


def packaged_edit(root: Path) -> None:
    """Change one byte of every packaged model."""
    for path in root.glob("mlruns/digits/models/*/artifacts/data/data/model.keras"):
        byte_edit(path.relative_to(root).as_posix())(root)


def packaged_classes(root: Path) -> None:
    """Let every packaged model call its first class by the name of the second."""
    for path in root.glob("mlruns/digits/models/*/artifacts/data/data/about.json"):
        told = read_json(path)
        told["classes"][:2] = told["classes"][1::-1]
        write_json(path, told)


def lock_edit(root: Path) -> None:
    """Change the hash of the candidate in dvc.lock."""
    tree = YAML().load((root / "dvc.lock").read_text())
    (out,) = tree["stages"]["train@plain"]["outs"]
    out["md5"] = "0" * 32 + ".dir"
    with (root / "dvc.lock").open("w") as stream:
        YAML().dump(tree, stream)


def relocked(root: Path) -> None:
    """Make dvc.lock fit whatever is on disk now, as DVC itself does."""
    run(root, "dvc", "commit", "-f", "-q")


def another_model(root: Path) -> None:
    """Put the head's model in the place of the CNN's, with candidate.json and dvc.lock made to fit."""
    folder = root / "data/candidates/plain"
    shutil.copy(root / f"data/candidates/{HEAD}/model.keras", folder / "model.keras")
    sha256 = digest(folder / "model.keras")
    json_edit("data/candidates/plain/candidate.json", lambda tree: tree["outputs"].update({"model.keras": sha256}))(
        root
    )
    relocked(root)


def lines_edit(change: Callable[[list[str]], list[str]], files: int = 1) -> Callable[[Path], None]:
    """Change the lines of the ledger, or of the ledger and its copy."""

    def do(root: Path) -> None:
        for name in ("reports/ledger.jsonl", "reports/runs/ledger.jsonl")[:files]:
            lines = (root / name).read_text().splitlines(keepends=True)
            (root / name).write_text("".join(change(lines)))

    return do


def uncommitted_tail_cut(root: Path) -> None:
    """Cut the last lines from ledger and copy, in a project whose ledger was never committed: MLflow alone knows."""
    run(root, "git", "rm", "-q", "--cached", "reports/ledger.jsonl")
    run(root, "git", "commit", "-q", "--amend", "-m", "trained")
    lines_edit(lambda lines: lines[:-1], files=2)(root)


def signature_gone(root: Path) -> None:
    """Take all signatures away, and the lines of the ledger that name them, as if nobody had ever signed."""
    shutil.rmtree(root / "reports/signatures")
    forgotten(root, lambda line: line.kind != "signature")


def signed_by_another(root: Path) -> None:
    """Let another key sign what is here, with ledger and copy made to fit."""
    signature_gone(root)
    layout, keys = Layout(root), root.parent / "other"
    candidate, who = read_candidate(layout.candidate("plain")), fingerprint(keys / "public.pem")
    path = signature_path(layout, candidate, who)
    sign(candidate, keys / "private.pem", None, path)
    append(layout, SIGNATURE, line_body(candidate, who, path))


def another_model_signed(root: Path) -> None:
    """Put another model in the place of the CNN's, with candidate.json and dvc.lock made to fit, and sign it."""
    another_model(root)
    signed_by_another(root)


def forgotten(root: Path, keep: Callable[[Line], bool]) -> None:
    """Write ledger and copy anew with some of the lines, all hashes made to fit."""
    kept: list[Line] = []
    for line in read_chain(root / "reports/ledger.jsonl").lines:
        kept += [made(line.kind, line.time, line.body, kept)] if keep(line) else []
    for name in ("reports/ledger.jsonl", "reports/runs/ledger.jsonl"):
        (root / name).write_text("".join(line.text + "\n" for line in kept))


def forged(lines: list[str]) -> list[str]:
    """Insert a line that is whole in itself."""
    line = made("candidate", "2026-01-01T00:00:00+00:00", {"candidate": "mine"}, [])
    return [*lines[:1], line.text + "\n", *lines[1:]]


def rewritten(root: Path) -> None:
    """Edit a line of the ledger and compute all hashes after it anew, in the file and in its copy."""
    edited = {"lock_sha256": "0" * 64}
    retold(root, lambda line: line.body | (edited if line.body.get("candidate") == "plain" else {}))


def retold(root: Path, body: Callable[[Line], dict[str, Any]]) -> None:
    """Write ledger and copy anew with other bodies, all hashes made to fit."""
    new: list[Line] = []
    for line in read_chain(root / "reports/ledger.jsonl").lines:
        new.append(made(line.kind, line.time, body(line), new))
    for name in ("reports/ledger.jsonl", "reports/runs/ledger.jsonl"):
        (root / name).write_text("".join(line.text + "\n" for line in new))


def amended(name: str, old: str, new: str) -> Callable[[Path], None]:
    """Change a file in the commit that holds the candidate, and nowhere else."""

    def do(root: Path) -> None:
        kept = (root / name).read_bytes()
        text_edit(name, old, new)(root)
        commit(root, "trained", "--amend")
        (root / name).write_bytes(kept)

    return do


def metric_everywhere(root: Path) -> None:
    """Raise an accuracy in metrics.json, and make dvc.lock fit."""
    json_edit("reports/candidates/plain/metrics.json", lambda tree: tree.update(test_accuracy=0.999))(root)
    relocked(root)


def relocked_json(name: str, change: Callable[[Any], None]) -> Callable[[Path], None]:
    """Change a JSON file, and make dvc.lock fit."""

    def do(root: Path) -> None:
        json_edit(name, change)(root)
        relocked(root)

    return do


def colder(tree: dict[str, Any]) -> None:
    """Set another temperature."""
    tree["temperature"] = 0.5 * (tree["temperature"] or 1.0)


def another_answer(tree: list[dict[str, Any]]) -> None:
    """Turn the probabilities of the first golden answer round."""
    tree[0]["probabilities"].reverse()


def promoted(root: Path) -> None:
    """Promote a candidate as the gate's last step does: the line, the alias, and the mark that it is carried out."""
    params, layout = open_project(root)
    registry, record = Registry(layout, params), read_candidate(layout.candidate("plain")).record
    version = registry.registered(record["key"])
    told = {"what": PROMOTED, "model": registry.model, "candidate": "plain", "key": record["key"], "champion": None}
    line = entered(layout, {**told, "package": version.package, "version": version.number})
    registry.point(CHAMPION, version)
    registry.set_mark(f"{line.time} {line.hash}")


def promotion_gone(root: Path) -> None:
    """Promote, then take the decision out of ledger and copy, all hashes made to fit."""
    promoted(root)
    forgotten(root, lambda line: line.kind != PROMOTION)


def promotion_of_another(root: Path) -> None:
    """Promote, then let ledger and copy say that it was the other candidate, all hashes made to fit."""
    promoted(root)
    key = read_candidate(Layout(root).candidate(HEAD)).record["key"]
    retold(root, lambda line: {**line.body, "candidate": HEAD, "key": key} if line.kind == PROMOTION else line.body)


def champion_edit(tree: dict[str, Any]) -> None:
    """Name the other candidate."""
    tree["candidate"] = HEAD if tree["candidate"] == "plain" else "plain"


def first_row(column: str, value: Any) -> Callable[[pd.DataFrame], None]:
    """Set a value in the first row."""

    def change(frame: pd.DataFrame) -> None:
        frame.loc[0, column] = value

    return change


def moved(frame: pd.DataFrame) -> None:
    """Move an image from test to train."""
    frame.loc[frame.index[frame["split"] == "test"][0], "split"] = "train"


def better(frame: pd.DataFrame) -> None:
    """Turn a wrong answer into a right one."""
    classes = [name for name in frame if name.startswith("p.")]
    wrong = frame.index[frame[classes].idxmax(axis=1).str.removeprefix("p.") != frame["label"]][0]
    frame.loc[wrong, classes] = np.float32(0)
    frame.loc[wrong, f"p.{frame['label'][wrong]}"] = np.float32(1)


def promoted_by_hand(root: Path) -> None:
    """Register a candidate in MLflow and call it champion, as a click on its page does."""
    params, layout = open_project(root)
    registry = Registry(layout, params)
    version = registry.registered(read_candidate(layout.candidate("plain")).record["key"])
    registry.point(CHAMPION, version)


PLAIN = "data/candidates/plain"
JUDGED = "reports/candidates/plain"
RECORD_OF_WEIGHTS = f"data/source/weights/{NET}.json"
MANIFEST = "path: data/manifest.parquet\n      hash: md5\n      md5: "
KINDS = [
    Kind("one pixel of a source image, index made to fit", source_edit(one_pixel)),
    Kind("one pixel of a source image, index and source.json made to fit", source_edit(one_pixel, with_hash=True)),
    Kind("a label in the source's index, source.json made to fit", source_edit(one_label, with_hash=True)),
    Kind("the licence in source.json", json_edit("data/source/source.json", lambda tree: tree.update(licence="CC0"))),
    Kind("a label in the manifest", table_edit("data/manifest.parquet", first_row("label", "9"))),
    Kind("a split in the manifest", table_edit("data/manifest.parquet", moved)),
    Kind("a param in params.yaml after training", text_edit("params.yaml", "rate: 0.001", "rate: 0.002")),
    Kind("a param in candidate.json", json_edit(f"{PLAIN}/candidate.json", lambda t: t["params"].update(kind="x"))),
    Kind("a param in dvc.lock", text_edit("dvc.lock", "epochs: 2", "epochs: 9")),
    Kind("the model file", byte_edit(f"{PLAIN}/model.keras")),
    Kind("another model, candidate.json and dvc.lock made to fit", another_model),
    Kind("history.csv", table_edit(f"{PLAIN}/history.csv", first_row("val_accuracy", 0.99))),
    Kind("predictions.parquet", table_edit(f"{PLAIN}/predictions.parquet", better)),
    Kind("reference.npz", byte_edit(f"{PLAIN}/reference.npz")),
    Kind("MLflow: a final metric", sql("update latest_metrics set value = 0.999 where key = 'test_accuracy'")),
    Kind("MLflow: a metric of an epoch", sql("update metrics set value = 0.999 where key = 'curve/val_accuracy'")),
    Kind("MLflow: a param", sql("update params set value = '9' where key = 'fit.epochs'")),
    Kind("MLflow: a tag", sql("update tags set value = ? where key = 'imagetrail.manifest_sha256'", "0" * 64)),
    Kind("MLflow: a tag deleted", sql("delete from tags where key = 'imagetrail.manifest_sha256'")),
    Kind("MLflow: the artifact candidate.json", artifact_edit("candidate.json")),
    Kind("MLflow: the artifact test_confusion_matrix.csv", artifact_edit("evaluation/test_confusion_matrix.csv")),
    Kind("MLflow: the packaged model", packaged_edit),
    Kind("MLflow: two classes of the packaged model, swapped", packaged_classes),
    Kind("MLflow: the alias champion, set by hand", promoted_by_hand),
    Kind("dvc.lock: the candidate's hash", lock_edit),
    Kind("ledger: a line removed", lines_edit(lambda lines: lines[1:])),
    Kind("ledger: two lines reordered", lines_edit(lambda lines: [lines[1], lines[0], *lines[2:]])),
    Kind("ledger: a line edited", lines_edit(lambda lines: [lines[0].replace("plain", "fancy"), *lines[1:]])),
    Kind("ledger: a line inserted", lines_edit(forged)),
    Kind("ledger: its tail cut", lines_edit(lambda lines: lines[:-1])),
    Kind("ledger and its copy: tail cut", lines_edit(lambda lines: lines[:-1], files=2)),
    Kind("ledger and its copy: tail cut, never committed", uncommitted_tail_cut),
    Kind("ledger and its copy: a line edited, all hashes made to fit", rewritten),
    Kind("ledger and its copy: a promotion taken out, all hashes made to fit", promotion_gone),
    Kind("ledger and its copy: a promotion made another's, all hashes made to fit", promotion_of_another),
    Kind("commit amended: a param", amended("params.yaml", "rate: 0.001", "rate: 0.002")),
    Kind("commit amended: code", amended("stages/core/training/fitting.py", '"""', '"""Not. ')),
    Kind("commit amended: dvc.lock's manifest", amended("dvc.lock", MANIFEST, MANIFEST + "0")),
    Kind("requirements.lock", text_edit("requirements.lock", "keras==", "keras==9.")),
    Kind("code after training", text_edit("stages/core/training/fitting.py", '"""', '"""Not. ')),
    Kind("one value of a packed array", pixel_edit),
    Kind("one value of a packed array, pack.json made to fit", pixel_edit_with_hash),
    Kind("statistics.json", json_edit("data/images/statistics.json", lambda tree: tree["mean"].__setitem__(0, 1.0))),
    Kind("pretrained weights", byte_edit("data/source/weights/*.h5"), HEAD),
    Kind("licence of the weights", json_edit(RECORD_OF_WEIGHTS, lambda tree: tree.update(licence="MIT")), HEAD),
    Kind("stored features", byte_edit(f"data/features/{NET}/train.npy"), HEAD),
    Kind("metrics.json", json_edit(f"{JUDGED}/metrics.json", lambda tree: tree.update(test_accuracy=0.999))),
    Kind("metrics.json, dvc.lock made to fit", metric_everywhere),
    Kind("calibration.json, dvc.lock made to fit", relocked_json(f"{JUDGED}/calibration.json", colder)),
    Kind("golden.json, dvc.lock made to fit", relocked_json(f"{JUDGED}/golden.json", another_answer)),
    Kind("a confusion matrix", table_edit(f"{JUDGED}/test_confusion_matrix.csv", first_row("0", 99))),
    Kind("leaderboard.csv", table_edit("reports/leaderboard.csv", first_row("test_accuracy", 0.999))),
    Kind("champion.json", json_edit("reports/champion.json", champion_edit)),
    Kind("Croissant: the licence", json_edit("reports/croissant.json", lambda tree: tree.update(license="CC0-1.0"))),
    Kind("model card: an accuracy", text_edit("reports/model_card.md", "| accuracy | 0.", "| accuracy | 1.")),
    Kind("list of packages: a name", text_edit("reports/sbom.json", '"name": "keras"', '"name": "kera"')),
    Kind("signature: one byte", byte_edit("reports/signatures/plain-*.sig")),
    Kind("signature taken away, ledger made to fit", signature_gone),
    Kind("signed by another key, ledger made to fit", signed_by_another),
    Kind("another model, signed by another key, all but MLflow and git made to fit", another_model_signed),
]  # fmt: skip


def seen(kind: Kind, root: Path, place: Path) -> list[Verdict]:
    """Tamper with a copy and audit it; returns the alarms."""
    with tampered(kind, root, place) as copy:
        return [one for one in audit(copy, kind.model, public_key=key_of(root))[1] if one.verdict == ALARM]


@contextmanager
def tampered(kind: Kind, root: Path, place: Path) -> Iterator[Path]:
    """A copy of a project that was tampered with, for as long as it is looked at."""
    copy = copied(root, place)
    if place.parent != root.parent:
        shutil.copytree(root.parent / "other", place.parent / "other", dirs_exist_ok=True)
    try:
        kind.do(copy)
        yield copy
    finally:
        shutil.rmtree(place)


def main(words: list[str]) -> int:
    """Print the table; returns 1 when a kind is not seen."""
    os.environ.update(QUIET)
    with tempfile.TemporaryDirectory() as folder:
        root, missed = trained(Path(folder) / "project"), 0
        honest = [Kind(f"nothing ({name})", lambda _: None, name) for name in ("plain", HEAD)]
        print("| tampering | links that raise the alarm | the first sentence |\n|---|---|---|")
        chosen = [*honest, *(kind for kind in KINDS if not words or any(word in kind.name for word in words))]
        for number, kind in enumerate(chosen):
            alarms = seen(kind, root, Path(folder) / f"copy-{number}")  # MLflow keeps a store open by its path
            said = alarms[0].said[0].replace("|", "/") if alarms else "all agree"
            print(f"| {kind.name} | {', '.join(one.link for one in alarms) or 'none'} | {said} |", flush=True)
            missed += bool(alarms) == (kind in honest)
    print(json.dumps({"kinds": len(chosen) - len(honest), "missed or false": missed}))
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
