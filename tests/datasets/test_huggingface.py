"""huggingface: original bytes are kept, classes have their names; one sentence without the package or the network.

`datasets` itself is no dependency of the tests: tables of its documented shape stand in its place; where it is
installed, the last test reads a real parquet folder with it.
"""

import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from stages.core.ingest.source import images_named
from tests.datasets.test_download import MISSING, OWN, decoded, downloaded, picture, refusal

ENTRY = {
    "kind": "huggingface", "name": "owner/name", "config": None, "revision": "v1", "image": "image", "label": "label",
    "splits": {"train": "train"}, "missing": MISSING, **OWN,
}  # fmt: skip


def encoded(kind):
    """Bytes of a small picture."""
    stream = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(stream, kind)
    return stream.getvalue()


class Feature:
    """A column of images, as datasets.Image."""

    def __init__(self, decode=True):
        self.decode = decode


class Table:
    """What is used of datasets.Dataset."""

    def __init__(self, columns, features):
        self.columns, self.features = columns, features

    def __getitem__(self, key):
        if isinstance(key, str):
            return self.columns[key]
        return {name: values[key] for name, values in self.columns.items()}

    def select_columns(self, names):
        return Table({name: self.columns[name] for name in names}, {name: self.features[name] for name in names})

    def cast_column(self, name, feature):
        assert feature.decode is False
        return Table(self.columns, self.features | {name: feature})


@pytest.fixture
def hub(monkeypatch):
    """`datasets` that answers with these tables; returns what it was asked for."""
    asked = {}

    def answer(**tables):
        def load_dataset(name, config, **where):
            asked.update(name=name, config=config, **where)
            return tables

        monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=load_dataset))
        return asked

    return answer


def images(*found, labels, names=None):
    """A table of encoded images and their labels."""
    label = SimpleNamespace(names=names) if names else SimpleNamespace()
    columns = {"image": list(found), "label": list(labels), "other": [0] * len(found)}
    return Table(columns, {"image": Feature(), "label": label, "other": SimpleNamespace()})


def test_bytes_are_kept_and_classes_named(tmp_path, hub):
    """Whatever the encoding; the ending is that of the name there, or of the bytes; -1 is no label."""
    data = [encoded("png"), encoded("jpeg"), encoded("webp"), encoded("gif"), encoded("jpeg")]
    paths = [None, "x/a.JPEG", None, None, None]
    found = [{"bytes": one, "path": path} for one, path in zip(data, paths, strict=True)]
    asked = hub(train=images(*found, labels=[0, 1, 0, 1, -1], names=["cat", "dog/wolf"]))

    source, rows = downloaded(tmp_path, ENTRY)

    wanted = [
        "train/cat/000000.png",
        "train/dog_wolf/000001.jpeg",
        "train/cat/000002.webp",
        "train/dog_wolf/000003.gif",
    ]
    wanted.append("train/no label/000004.jpg")
    assert dict(images_named(tmp_path / "data/source/images.zip", rows)) == dict(zip(wanted, data, strict=True))
    assert [rows[name]["label"] for name in wanted] == ["cat", "dog/wolf", "cat", "dog/wolf", None]
    assert rows[wanted[4]]["note"] == "no label" and {row["split"] for row in rows.values()} == {"train"}
    assert source["uri"] == "https://huggingface.co/datasets/owner/name" and source["revision"] == "v1"
    assert asked["name"] == "owner/name" and asked["revision"] == "v1"


def test_splits_are_mapped(tmp_path, hub):
    """Theirs to ours; one that isn't named stays away; null leaves it open."""
    one = images({"bytes": picture(1), "path": None}, labels=["cat"])
    hub(train=one, validation=one, test=one, extra=one)

    _, rows = downloaded(tmp_path, ENTRY | {"splits": {"train": None, "validation": "val", "test": "test"}})

    assert {name: row["split"] for name, row in rows.items()} == {
        "train/cat/000000.png": None,
        "validation/cat/000000.png": "val",
        "test/cat/000000.png": "test",
    }


def test_an_image_may_be_a_file_or_pixels(tmp_path, hub):
    """A path where there are no bytes, and arrays become PNG."""
    (tmp_path / "1.jpg").write_bytes(encoded("jpeg"))
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    table = images({"bytes": None, "path": str(tmp_path / "1.jpg")}, pixels.tolist(), labels=[7, 7])
    hub(train=table)

    _, rows = downloaded(tmp_path, ENTRY)

    found = dict(images_named(tmp_path / "data/source/images.zip", rows))
    assert found["train/7/000000.jpg"] == encoded("jpeg")
    np.testing.assert_array_equal(decoded(found["train/7/000001.png"]), pixels)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"splits": {"trian": "train"}}, "owner/name has no split 'trian'; did you mean train?"),
        ({"image": "img"}, "owner/name has no column 'img'; did you mean image?"),
        ({"label": "xyz"}, "owner/name has no column 'xyz'; there are: image, label, other"),
    ],
)
def test_a_name_that_is_not_there_is_told(tmp_path, hub, changes, sentence):
    """With the one that was meant."""
    hub(train=images({"bytes": b"", "path": None}, labels=[0]))

    assert refusal(tmp_path, ENTRY | changes) == sentence


def test_without_the_package_the_command_is_told(tmp_path, monkeypatch):
    """The extra of pyproject.toml."""
    monkeypatch.setitem(sys.modules, "datasets", None)

    assert refusal(tmp_path, ENTRY) == (
        "huggingface needs datasets, which is not installed; run `pip install -e '.[huggingface]'`"
    )


@pytest.mark.parametrize(
    ("error", "words"),
    [(ConnectionError("token=abc"), "(ConnectionError)"), (ValueError("no config 'x'"), "(ValueError: no config 'x')")],
)
def test_without_a_network_it_is_one_sentence(tmp_path, monkeypatch, error, words):
    """What was asked for, what went wrong, and what could help."""

    def fail(*_, **__):
        raise error

    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=fail))
    message = refusal(tmp_path, ENTRY)

    assert message.startswith(f"owner/name could not be fetched from Hugging Face {words}; check name")
    assert "HF_TOKEN" in message and "abc" not in message


def test_a_folder_of_parquet_files_is_read_by_the_real_package(tmp_path):
    """Without a network, where the extra is installed."""
    datasets = pytest.importorskip("datasets")
    data = [encoded("png"), encoded("jpeg")]
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])})
    rows = {"image": [{"bytes": one, "path": None} for one in data], "label": [0, 1]}
    (tmp_path / "hub").mkdir()
    datasets.Dataset.from_dict(rows, features).to_parquet(tmp_path / "hub/train-00000-of-00001.parquet")

    source, found = downloaded(tmp_path, ENTRY | {"name": str(tmp_path / "hub"), "revision": None})

    assert source["uri"] == "hub" and list(found) == ["train/cat/000000.png", "train/dog/000001.jpg"]
    assert [one for _, one in images_named(tmp_path / "data/source/images.zip", found)] == data
