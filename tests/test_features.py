"""features: from a fresh project with a backbone to a transferred candidate, by DVC, repeatably."""

import json
import shutil

import numpy as np
import pytest

from stages.core.files import digest, read_json

pytestmark = pytest.mark.slow


def with_transfer(project):
    """Give a project one small random backbone and one entry on its features, and nothing else."""
    params = project.params()
    (first, *_) = params["models"].values()
    size = {"seed": 1, "height": 32, "width": 32, "pooling": "average", "store": True}
    net = {"backbone": "MobileNetV2", "arguments": {"alpha": 0.35}, "weights": None, **size}
    head = {"kind": "transfer", "input": "features/net", "dense": [], "dropout": 0.0, "unfreeze": None}
    params["backbones"] = {"net": net}
    params["models"] = {"head": {**head, "fit": {**first["fit"], "epochs": 2}}}
    params["tune"] = {}
    project.write_params(params)
    return params


def test_from_images_to_a_transferred_candidate(project):
    """`dvc repro` runs download to report; weights, features and model are in the lineage; again gives equal bytes."""
    with_transfer(project)
    project.run("dvc", "repro", "evaluate@head")
    record = read_json(project.root / "data/candidates/head/candidate.json")
    about = read_json(project.root / "data/features/net/about.json")
    source = read_json(project.root / "data/source/source.json")
    train = np.load(project.root / "data/features/net/train.npy", mmap_mode="r")
    before = {path: digest(path) for path in sorted((project.root / "data/features/net").iterdir())}

    assert record["failure"] is None and record["inputs"]["features"] == about
    assert source["weights"]["net"]["file"] is None and about["weights"] == source["weights"]["net"]
    assert train.dtype == np.float32 and train.shape == (len(np.load(project.root / "data/images/train.npy")), 1280)

    shutil.rmtree(project.root / "data/features")
    project.stage("features", "net")
    assert before == {path: digest(path) for path in sorted((project.root / "data/features/net").iterdir())}

    another_backbone_repeats_nothing_else(project)


def another_backbone_repeats_nothing_else(project):
    """Adding one brings its weights and features; the gate, the pack, and what others see stay."""
    params = project.params()
    params["backbones"]["other"] = {**params["backbones"]["net"], "seed": 2}
    project.write_params(params)
    project.run("dvc", "repro", "download")
    status = json.loads(project.run("dvc", "status", "--json").stdout)

    assert set(status) & {"validate", "normalize", "features@net", "train@head"} == set()
    assert "features@other" in status


def test_a_backbone_that_is_not_there_is_named(project):
    """One sentence, before TensorFlow starts."""
    with_transfer(project)
    done = project.stage("features", "nte", ok=False)

    assert done.returncode == 1
    assert done.stderr.strip() == "error: params.yaml: backbones.nte is not there; did you mean net?"
