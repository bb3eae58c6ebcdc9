"""download, from each kind that needs no hub, through params.yaml: what it writes, and what it says of a mistake."""

import io
import json
import zipfile

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from ruamel.yaml import YAML

from stages import download
from stages.core.errors import UserError
from stages.core.files import digest
from stages.core.layout import PROJECT

OWN = {"licence": "CC0", "citation": "we"}


def picture(shade):
    """Bytes of a small PNG."""
    stream = io.BytesIO()
    Image.new("RGB", (4, 4), (shade, 0, 0)).save(stream, "png")
    return stream.getvalue()


def decoded(data):
    """Pixels of an encoded image."""
    return np.asarray(Image.open(io.BytesIO(data)))


def project(root, entry, **limits):
    """A project in `root` with this one data set."""
    yaml = YAML()
    tree = yaml.load((PROJECT / "params.yaml").read_text())
    tree["download"].update(dataset="mine", **limits)
    tree["datasets"] = {"mine": entry}
    with (root / "params.yaml").open("w") as stream:
        yaml.dump(tree, stream)
    return root


def downloaded(root, entry):
    """Run download; return source.json and the rows of the index."""
    download.main(project(root, entry))
    return json.loads((root / "data/source/source.json").read_text()), rows(root)


def rows(root):
    """The index, by path."""
    return {row["path"]: row for row in pq.read_table(root / "data/source/index.parquet").to_pylist()}


def refusal(root, entry):
    """What download says to a mistake."""
    with pytest.raises(UserError) as error:
        download.main(project(root, entry))
    return str(error.value)


def zipped(path, files):
    """Write a zip."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def test_the_source_says_where_it_is_from(tmp_path):
    """Origin, licence, citation, hashes of the archive, the zip and the index, the number of images, and no time."""
    path = zipped(tmp_path / "a.zip", {"cat/1.png": picture(1), "dog/2.png": picture(2)})

    source, _ = downloaded(tmp_path, {"kind": "archive", "uri": str(path), "sha256": digest(path), **OWN})

    assert source == {
        "dataset": "mine",
        "kind": "archive",
        "uri": str(path),
        "sha256": digest(path),
        "n_images": 2,
        "images_zip_sha256": digest(tmp_path / "data/source/images.zip"),
        "index_sha256": digest(tmp_path / "data/source/index.parquet"),
        **OWN,
    }


def test_times_are_no_part_of_the_source(tmp_path):
    """Two downloads give the same bytes; when and how long lies in reports/timings."""
    entry = {"kind": "archive", "uri": str(zipped(tmp_path / "a.zip", {"cat/1.png": b"1"})), "sha256": None, **OWN}
    written = []
    for _ in range(2):
        downloaded(tmp_path, entry)
        written.append({path.name: path.read_bytes() for path in (tmp_path / "data/source").iterdir()})

    assert written[0] == written[1] and set(written[0]) == {"images.zip", "index.parquet", "source.json"}
    timing = json.loads((tmp_path / "reports/timings/download.json").read_text())
    assert set(timing) == {"fetched", "seconds"} and timing["seconds"] > 0


def test_several_archives_are_several_splits(tmp_path):
    """train.zip and test.zip, each with its hash; both are recorded."""
    uris = [str(zipped(tmp_path / f"{split}.zip", {"cat/1.png": picture(1)})) for split in ("train", "test")]
    hashes = [digest(tmp_path / "train.zip"), None]

    source, found = downloaded(tmp_path, {"kind": "archive", "uri": uris, "sha256": hashes, **OWN})

    assert source["uri"] == ", ".join(uris)
    assert source["archives"] == [
        {"uri": uri, "sha256": digest(tmp_path / f"{s}.zip")} for s, uri in zip(("train", "test"), uris, strict=True)
    ]
    assert {path: (row["label"], row["split"]) for path, row in found.items()} == {
        "train/cat/1.png": ("cat", "train"),
        "test/cat/1.png": ("cat", "test"),
    }


def test_a_wrong_hash_in_a_list_names_its_archive(tmp_path):
    """The second one, not the first."""
    uris = [str(zipped(tmp_path / f"{split}.zip", {"cat/1.png": b"1"})) for split in ("train", "test")]

    assert refusal(tmp_path, {"kind": "archive", "uri": uris, "sha256": [None, "0" * 64], **OWN}).startswith(uris[1])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"uri": ["a.zip", ""]}, "datasets.mine.uri.1 must have at least 1 character, got ''"),
        ({"uri": []}, "datasets.mine.uri must have at least 1 item, got []"),
        ({"sha256": ["ab"]}, "datasets.mine.sha256.0 must match pattern '^[0-9a-f]{64}$', got 'ab'"),
        ({"uri": ["a.zip", "b.zip"], "sha256": "0" * 64}, "datasets.mine: sha256 must be null or as many as the archives, got one for 2 archives"),
        ({"sha256": ["0" * 64]}, "datasets.mine: sha256 must be null or as many as the archives, got 1 for one archive"),
        ({"uri": ["x/a.zip", "y/a.tar.gz"]}, "datasets.mine: two archives are called 'a', which is the folder of their images; rename one"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_list_is_one_sentence(tmp_path, changes, sentence):
    """What a list of archives can't be, without a word about what it isn't meant to be."""
    entry = {"kind": "archive", "uri": "a.zip", "sha256": None, **OWN}

    assert refusal(tmp_path, entry | changes) == f"params.yaml: {sentence}"


def test_what_is_neither_text_nor_list_is_told_both(tmp_path):
    """Both are right, so both are offered."""
    said = refusal(tmp_path, {"kind": "archive", "uri": 3, "sha256": None, **OWN})

    assert said.replace("params.yaml: datasets.mine.uri must be a valid ", "") == "string, got 3\nerror: list, got 3"


def test_a_folder_is_named_by_its_last_part(tmp_path):
    """Its place differs by machine; its images are read where they lie."""
    (tmp_path / "pictures/val/cat").mkdir(parents=True)
    (tmp_path / "pictures/val/cat/1.png").write_bytes(picture(1))

    source, found = downloaded(tmp_path, {"kind": "folder", "path": str(tmp_path / "pictures"), **OWN})

    assert source["uri"] == "pictures"
    assert [(row["label"], row["split"]) for row in found.values()] == [("cat", "val")]


def test_no_secret_is_recorded(tmp_path, monkeypatch):
    """A URL with a password and a signature, which only the environment knows, is recorded without both."""
    path = zipped(tmp_path / "a.zip", {"cat/1.png": b"1"})
    monkeypatch.setattr("stages.core.ingest.archive.fetched", lambda *_: path)
    for name, value in (("WHO", "me"), ("WORD", "password"), ("SIGNED", "signature")):
        monkeypatch.setenv(name, value)
    uri = "https://${WHO}:${WORD}@host.example/a.zip?sig=${SIGNED}"

    source, _ = downloaded(tmp_path, {"kind": "archive", "uri": uri, "sha256": None, **OWN})

    assert source["uri"] == "https://host.example/a.zip"
    source, _ = downloaded(tmp_path, {"kind": "archive", "uri": [uri], "sha256": None, **OWN})
    assert "password" not in json.dumps(source) and "signature" not in json.dumps(source)


def test_digits_need_nothing(tmp_path):
    """scikit-learn's digits: 1,797 images of ten classes."""
    source, found = downloaded(tmp_path, {"kind": "digits"})

    assert source["n_images"] == len(found) == 1797
    assert {row["label"] for row in found.values()} == set("0123456789")
