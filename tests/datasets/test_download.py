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
FOLDERS = {"splits": {}, "class_depth": None}
NAMED = {**FOLDERS, "encoding": None}
MISSING = ["nan", "none", "na", "n/a", "null", "<na>"]


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

    source, _ = downloaded(tmp_path, {"kind": "archive", "uri": str(path), "sha256": digest(path), **NAMED, **OWN})

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
    entry = {
        "kind": "archive",
        "uri": str(zipped(tmp_path / "a.zip", {"cat/1.png": b"1"})),
        "sha256": None,
        **NAMED,
        **OWN,
    }
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

    source, found = downloaded(tmp_path, {"kind": "archive", "uri": uris, "sha256": hashes, **NAMED, **OWN})

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

    assert refusal(tmp_path, {"kind": "archive", "uri": uris, "sha256": [None, "0" * 64], **NAMED, **OWN}).startswith(
        uris[1]
    )


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
    entry = {"kind": "archive", "uri": "a.zip", "sha256": None, **NAMED, **OWN}

    assert refusal(tmp_path, entry | changes) == f"params.yaml: {sentence}"


def test_what_is_neither_text_nor_list_is_told_both(tmp_path):
    """Both are right, so both are offered."""
    said = refusal(tmp_path, {"kind": "archive", "uri": 3, "sha256": None, **NAMED, **OWN})

    assert said.replace("params.yaml: datasets.mine.uri must be a valid ", "") == "string, got 3\nerror: list, got 3"


def test_a_folder_is_named_by_its_last_part(tmp_path):
    """Its place differs by machine; its images are read where they lie."""
    (tmp_path / "pictures/train/cat").mkdir(parents=True)
    (tmp_path / "pictures/train/cat/1.png").write_bytes(picture(1))

    source, found = downloaded(tmp_path, {"kind": "folder", "path": str(tmp_path / "pictures"), **FOLDERS, **OWN})

    assert source["uri"] == "pictures"
    assert [(row["label"], row["split"]) for row in found.values()] == [("cat", "train")]


def test_no_secret_is_recorded(tmp_path, monkeypatch):
    """A URL with a password and a signature, which only the environment knows, is recorded without both."""
    path = zipped(tmp_path / "a.zip", {"cat/1.png": b"1"})
    monkeypatch.setattr("stages.core.ingest.archive.fetched", lambda *_: path)
    for name, value in (("WHO", "me"), ("WORD", "password"), ("SIGNED", "signature")):
        monkeypatch.setenv(name, value)
    uri = "https://${WHO}:${WORD}@host.example/a.zip?sig=${SIGNED}"

    source, _ = downloaded(tmp_path, {"kind": "archive", "uri": uri, "sha256": None, **NAMED, **OWN})

    assert source["uri"] == "https://host.example/a.zip"
    source, _ = downloaded(tmp_path, {"kind": "archive", "uri": [uri], "sha256": None, **NAMED, **OWN})
    assert "password" not in json.dumps(source) and "signature" not in json.dumps(source)


def test_digits_need_nothing(tmp_path):
    """scikit-learn's digits: 1,797 images of ten classes."""
    source, found = downloaded(tmp_path, {"kind": "digits"})

    assert source["n_images"] == len(found) == 1797
    assert {row["label"] for row in found.values()} == set("0123456789")


@pytest.mark.parametrize(("encoding", "cat", "dog"), [("cp932", "猫", "犬"), ("gbk", "鸟", "鱼")])
def test_names_of_an_older_encoding_are_read_where_it_is_named(tmp_path, encoding, cat, dog):
    """Without it, the error says what was tried and what some encodings would read; 0.1 showed mojibake."""
    names = {b"AA/1.png": f"{cat}/1.png", b"BB/2.png": f"{dog}/2.png"}
    data = zipped(tmp_path / "a.zip", {name.decode(): picture(shade) for shade, name in enumerate(names)}).read_bytes()
    for stand_in, name in names.items():
        data = data.replace(stand_in, name.encode(encoding))
    (tmp_path / "a.zip").write_bytes(data)
    entry = {"kind": "archive", "uri": str(tmp_path / "a.zip"), "sha256": None, **NAMED, **OWN}
    said = refusal(tmp_path, entry)

    assert "is not UTF-8 at byte 1" in said and f"{encoding} reads '{cat}/1.png'" in said and "set `encoding`" in said
    _, found = downloaded(tmp_path, {**entry, "encoding": encoding})
    assert {row["label"] for row in found.values()} == {cat, dog}


def test_an_unknown_encoding_is_refused(tmp_path):
    """Before anything is read."""
    entry = {"kind": "archive", "uri": "a.zip", "sha256": None, **NAMED, **OWN, "encoding": "cp9999"}

    assert "datasets.mine.encoding: no encoding is called 'cp9999'" in refusal(tmp_path, entry)


def test_a_colon_is_a_letter_of_a_folder(tmp_path):
    """0.1 said of it that it points outside the archive, and there was none."""
    for label in ("scene: day", "a: b"):
        (tmp_path / "pictures" / label).mkdir(parents=True)
        (tmp_path / "pictures" / label / "1.png").write_bytes(picture(1))

    _, found = downloaded(tmp_path, {"kind": "folder", "path": str(tmp_path / "pictures"), **FOLDERS, **OWN})

    assert {row["label"] for row in found.values()} == {"scene: day", "a: b"}


@pytest.mark.parametrize("packed", [True, False])
def test_a_doubtful_layout_stops_the_download(tmp_path, packed):
    """Of a folder and of an archive, with the way out, and nothing is left behind."""
    files = {f"{label}/batch{n}/1.png": picture(n) for label in ("cat", "dog") for n in (1, 2)}
    place = zipped(tmp_path / "a.zip", files)
    if packed:
        entry = {"kind": "archive", "uri": str(place), "sha256": None, **NAMED, **OWN}
    else:
        zipfile.ZipFile(place).extractall(tmp_path / "a")
        entry = {"kind": "folder", "path": str(tmp_path / "a"), **FOLDERS, **OWN}

    assert "`class_depth: 1` for the outermost, 'cat'" in refusal(tmp_path, entry)
    assert not (tmp_path / "data/source").exists()
    _, found = downloaded(tmp_path, {**entry, "class_depth": 1})
    assert {row["label"] for row in found.values()} == {"cat", "dog"}
