"""The data set as a Croissant description: right for Croissant's own validator, and readable through it."""

import json

import pandas as pd
import pytest

from stages.core.errors import UserError
from stages.core.files import canonical, digest, write_json
from stages.core.governance.croissant import described
from tests.core.governance.data_set import CLASSES, data_set

PLAIN = ["cat", "dog"]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A data set with its description."""
    layout = data_set(tmp_path_factory.mktemp("pets"), PLAIN)
    write_json(layout.croissant, described(layout))
    return layout


@pytest.fixture(scope="module")
def read(written):
    """The same as Croissant's own library reads it; this checks it, too."""
    import mlcroissant

    return mlcroissant.Dataset(str(written.croissant))


def test_croissants_own_validator_finds_no_error(read):
    """No error; the only warnings are of a date and a version, which nothing that repeats can have."""
    issues = read.metadata.ctx.issues

    assert not issues.errors
    assert sorted(one.split("schema.org/")[1].split('"')[0] for one in issues.warnings) == ["datePublished", "version"]


def test_the_context_is_the_standards_own(read, written):
    """Word for word what the library writes for version 1.1."""
    from mlcroissant._src.core.rdf import make_context

    assert described(written)["@context"] == make_context(read.metadata.ctx)


def test_hashes_and_counts_are_those_of_the_files(written):
    """A file object a file, with its hash; a split each, with its number of images."""
    told = described(written)
    files = {one["name"]: one.get("sha256") for one in told["distribution"]}
    splits = {one["splits/name"]: one["splits/n_images"] for one in told["recordSet"][0]["data"]}

    assert files == {
        "images.zip": digest(written.archive),
        "manifest.parquet": digest(written.manifest),
        "images": None,
    }
    assert splits == {"train": 12, "val": 8, "test": 10}
    assert told["license"] == "CC0-1.0" and told["url"] == "https://example.org/pets.zip"
    assert told["rai:dataBiases"] == ["balanced (warning): class 'cat' | <i>is</i> rare"]
    assert told["rai:dataLimitations"][0] == "2 images are in quarantine, put aside by the check no_copies"


def test_every_column_of_the_manifest_is_a_field(written):
    """With the type that it has there."""
    fields = {one["name"]: one["dataType"] for one in described(written)["recordSet"][2]["field"]}

    assert list(fields) == list(pd.read_parquet(written.manifest).columns)
    assert (fields["path"], fields["width"], fields["brightness"]) == ("sc:Text", "sc:Integer", "sc:Float")


def test_images_can_be_read_with_their_labels_through_it(read, tmp_path, monkeypatch):
    """mlcroissant opens the zip, decodes, and joins every image with its row of the manifest."""
    from mlcroissant._src.operation_graph.operations import extract

    monkeypatch.setattr(extract, "EXTRACT_PATH", type(extract.EXTRACT_PATH)(tmp_path))  # named by address, not by hash
    rows = [one for one in read.records("labelled") if one["labelled/label"] is not None]

    assert len(rows) == 32
    assert all(one["labelled/path"].split(b"/")[0] == one["labelled/label"] for one in rows)
    assert rows[0]["labelled/image"].size == (4, 4)


def test_equal_data_give_equal_bytes(written, tmp_path):
    """Whatever the folder."""
    assert canonical(described(data_set(tmp_path, PLAIN))) == canonical(described(written))


def test_names_from_the_data_stay_text(tmp_path):
    """A class called <script> is a string of JSON."""
    told = json.loads(canonical(described(data_set(tmp_path))))

    assert {one["classes/name"] for one in told["recordSet"][1]["data"]} == set(CLASSES)


def test_what_is_not_there_is_said(tmp_path):
    """No source, no description."""
    with pytest.raises(UserError, match=r"source.json is missing"):
        described(type(data_set(tmp_path / "one", PLAIN))(tmp_path / "two"))
