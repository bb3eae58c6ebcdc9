"""A data set that passed the gate, and a candidate that was evaluated on it: files only, made in a second."""

import io
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from stages.core.candidates.candidate import Candidate, write_candidate
from stages.core.evaluating.depth import evaluate_in_depth
from stages.core.files import digest, read_json, write_json
from stages.core.gate.draft import DECIDED
from stages.core.gate.measuring import SCHEMA
from stages.core.images.manifest import read_manifest, rows_of
from stages.core.ingest.source import Member, Source, index_of, write_source
from stages.core.layout import PROJECT, Layout
from stages.core.settings.params import load

CLASSES = ["cat", "dog", "<script>alert(1)</script>|`x`"]
SPLITS = {"train": 6, "val": 4, "test": 5}


def picture(seed: int) -> bytes:
    """A PNG."""
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (4, 4, 3), np.uint8)).save(stream, "png")
    return stream.getvalue()


def data_set(root: Path, classes: list[str] = CLASSES) -> Layout:
    """Write source, manifest and verdict below `root`, with one image in quarantine."""
    layout, rows = Layout(root), []
    for label in classes:
        splits = [split for split, n in SPLITS.items() for _ in range(n)] + [None]
        name = label.replace("/", "_")
        rows += [{"path": f"{name}/{i:02}.png", "label": label, "split": split} for i, split in enumerate(splits)]
    rows = sorted(rows, key=lambda row: row["path"])
    members = [Member(row["path"], lambda i=i: picture(i), label=row["label"]) for i, row in enumerate(rows)]
    origin = {"uri": "https://example.org/pets.zip", "licence": "CC0-1.0", "citation": "Nobody 2020, <b>Pets</b>"}
    layout.source.mkdir(parents=True)
    n_images = write_source(layout.archive, Source(origin, members, "table"))
    hashes = {"images_zip_sha256": digest(layout.archive), "index_sha256": digest(index_of(layout.archive))}
    write_json(
        layout.source / "source.json", {"dataset": "pets", "kind": "archive", **origin, "n_images": n_images, **hashes}
    )
    schema = pa.schema([*SCHEMA, *DECIDED])
    facts = {"format": "PNG", "width": 4, "height": 4}
    table = [
        {**facts, "sha256": sha256(picture(i)).hexdigest(), "quarantine": None if row["split"] else "no_copies", **row}
        for i, row in enumerate(rows)
    ]
    pq.write_table(pa.Table.from_pylist(table, schema), layout.manifest)
    found = {"check": "balanced", "severity": "warning", "passed": False, "message": "class 'cat' | <i>is</i> rare"}
    write_json(layout.validation / "verdict.json", {"verdict": "warn", "findings": [found]})
    return layout


def evaluated(layout: Layout, name: str = "plain", classes: list[str] = CLASSES) -> Candidate:
    """Write a candidate that answers at random, and its evaluation."""
    random, parts = np.random.default_rng(1), []
    manifest = read_manifest(layout.manifest, ["path", "label", "split"])
    for split in ("val", "test"):
        rows = rows_of(manifest, split)
        labels = rows["label"].to_numpy()
        answers = random.dirichlet(np.ones(len(classes)), len(labels)).astype("float32")
        part = pd.DataFrame(answers, columns=[f"p.{one}" for one in classes])
        parts.append(pd.DataFrame({"path": rows["path"].to_numpy(), "split": split, "label": labels}).join(part))
    folder = layout.candidate(name)
    folder.mkdir(parents=True)
    (folder / "model.keras").write_bytes(b"a model")
    write_candidate(
        folder, record(layout, name, classes), pd.DataFrame({"epoch": []}), pd.concat(parts, ignore_index=True)
    )
    candidate = Candidate(folder, read_json(folder / "candidate.json"))
    options = load(PROJECT / "params.yaml").tree.evaluate.model_copy(update={"bootstrap": 20})
    evaluate_in_depth(candidate, options, layout.manifest, layout.evaluation(name))
    return candidate


def record(layout: Layout, name: str, classes: list[str]) -> dict:
    """What candidate.json says, before the hashes of its files."""
    images = dict.fromkeys(SPLITS, "1" * 64)
    return {
        "name": name, "stage": "train", "entry": name, "failure": None, "key": "0" * 32, "classes": classes,
        "params": {"kind": "plain_cnn", "input": "images", "runtime": {"threads": 2, "determinism": "strict", "onednn": True}},
        "inputs": {"manifest_sha256": digest(layout.manifest), "images": images, "statistics_sha256": "2" * 64},
        "code": {}, "lock_sha256": "3" * 64, "input_shape": [4, 4, 3], "n_parameters": 10, "multiply_adds": 100,
        "model_bytes": 7, "n_epochs": 1, "seeds": [1],
    }  # fmt: skip
