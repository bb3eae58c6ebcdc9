"""The gate repeats: the same source gives the same bytes, whatever the run, the number of cores and the hashing of words."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from stages import validate
from stages.core import parallel
from stages.core.errors import UserError
from stages.core.gate import measuring
from stages.core.images.manifest import read_manifest
from stages.core.ingest.source import Source, write_source
from stages.core.layout import PROJECT, Layout
from tests import gate
from tests.core.gate.test_gating import planted

QUARANTINE = ["readable", "no_conflicts", "no_leaks"]


def project(folder: Path, files: dict[str, bytes], **changes: object) -> Layout:
    """A folder with params.yaml and a source, ready for the gate."""
    layout = Layout(folder)
    tree = YAML(typ="safe").load((PROJECT / "params.yaml").read_text())
    with layout.params.open("w") as stream:
        YAML().dump({**tree, **changes}, stream)
    layout.source.mkdir(parents=True)
    write_source(layout.archive, Source({}, gate.members(files)))
    return layout


def written(layout: Layout) -> dict[str, bytes]:
    """Every file that the gate has written, by name."""
    places = [layout.manifest, *layout.validation.rglob("*")]
    return {str(path.relative_to(layout.root)): path.read_bytes() for path in places if path.is_file()}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A project with faults of every kind, some in quarantine, through the gate on one core; and what was written."""
    layout = project(tmp_path_factory.mktemp("first"), planted(), quarantine=QUARANTINE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel.os, "sched_getaffinity", lambda _: {0})
        validate.main(layout.root)
    return layout, written(layout)


def test_everything_is_written(first):
    """The verdict, the pages, a table for each broken check, and the manifest; nothing is left lying about."""
    layout, files = first

    assert {"data/manifest.parquet", "reports/validation/verdict.json", "reports/validation/index.html"} <= set(files)
    assert {f"reports/validation/images/{name}.csv" for name in ("contrasted", "no_copies")} <= set(files)
    assert files["reports/validation/quarantine.csv"].decode().splitlines()[0] == "path,label,split,quarantine"
    assert "reports/validation/rejected.parquet" not in files
    assert not list((layout.root / ".dvc/tmp").iterdir()) and not list(layout.root.rglob("*.part"))


def test_two_workers_give_the_same_bytes(first, tmp_path, monkeypatch):
    """Every file, though the images were measured in other processes and in smaller chunks."""
    layout, files = first
    shutil.copytree(layout.root, tmp_path / "copy", ignore=shutil.ignore_patterns("reports", "manifest.parquet"))
    monkeypatch.setattr(parallel, "ALONE", 0)
    monkeypatch.setattr(measuring, "CHUNK", 16)
    monkeypatch.setattr(parallel.os, "sched_getaffinity", lambda _: {0, 1})
    validate.main(tmp_path / "copy")

    assert differences(files, written(Layout(tmp_path / "copy"))) == []


def test_another_process_gives_the_same_bytes(first):
    """Also where sets and words are hashed differently, and over what an earlier run has left."""
    layout, files = first
    code = "import sys; from pathlib import Path; from stages.validate import main; main(Path(sys.argv[1]))"
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", code, str(layout.root)], cwd=PROJECT, env=environment, check=True)

    assert differences(files, written(layout)) == []


def differences(first: dict[str, bytes], second: dict[str, bytes]) -> list[str]:
    """Names of the files that only one has, or that differ."""
    return sorted(name for name in {*first, *second} if first.get(name) != second.get(name))


def test_the_manifest_has_a_row_for_every_member(first):
    """In the order of the source; those in quarantine say why and are in no split."""
    layout, _ = first
    manifest = read_manifest(layout.manifest).set_index("path")

    assert list(manifest.index) == sorted(planted())
    assert manifest.loc["train/ash/leak.png", "quarantine"] == "no_leaks"
    assert manifest.loc[manifest["quarantine"].notna(), "split"].isna().all()
    assert manifest.loc["test/ash/kept.bmp", "split"] == "test"


def test_a_set_that_fails_leaves_its_evidence_and_no_manifest(tmp_path):
    """The rows that were refused lie beside the verdict, and the error counts what is critical."""
    layout = project(tmp_path, planted())
    with pytest.raises(
        UserError, match=r"not fit to train on: 3 critical findings \(reports/validation/index.html\)"
    ) as error:
        validate.main(tmp_path)

    assert not layout.manifest.exists() and (layout.validation / "rejected.parquet").exists()
    assert [line.split()[1] for line in str(error.value).splitlines()[1:4]] == ["readable", "no_leaks", "no_conflicts"]
    assert '"verdict": "fail"' in (layout.validation / "verdict.json").read_text()
