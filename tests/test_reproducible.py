"""The same commit and data give the same bytes, in two fresh checkouts."""

import pytest
from ruamel.yaml import YAML

from tests.conftest import checkout

pytestmark = pytest.mark.slow


def outs(project):
    """Hash of every out in dvc.lock."""
    stages = YAML(typ="safe").load((project.root / "dvc.lock").read_text())["stages"]
    return {out["path"]: out["md5"] for stage in stages.values() for out in stage["outs"]}


def test_two_checkouts_give_the_same_bytes(finished, tmp_path):
    """Every out of every node has the same hash."""
    other = checkout(tmp_path)
    other.run("dvc", "repro")

    assert outs(other) == outs(finished) and len(outs(other)) >= 14
