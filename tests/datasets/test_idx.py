"""idx: files as MNIST has them, written here by hand: read exactly, and refused when a number in them is wrong."""

import gzip
import struct

import numpy as np
import pytest

from stages.core.files import digest
from stages.core.ingest.source import images_named
from tests.datasets.test_download import OWN, decoded, downloaded, project, refusal

GREY = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
LABELS = np.array([7, 0, 7, 1, 2], np.uint8)


def idx(path, array, magic=None, sizes=None, pack=bytes):
    """Write an IDX file: two zeros, type, dimensions, sizes, values."""
    magic = magic or bytes([0, 0, 8, array.ndim])
    sizes = sizes or array.shape
    path.write_bytes(pack(magic + struct.pack(f">{len(sizes)}I", *sizes) + array.tobytes()))
    return str(path)


def pair(images, labels):
    """A pair without hashes."""
    return {"images": images, "labels": labels, "images_sha256": None, "labels_sha256": None}


def entry(train, test=None, names=None):
    """An entry of `datasets`."""
    return {"kind": "idx", "train": train, "test": test, "class_names": names, **OWN}


@pytest.fixture
def train(tmp_path):
    """Five grey images of 4 x 3 pixels and their labels."""
    return pair(idx(tmp_path / "images", GREY), idx(tmp_path / "labels", LABELS))


def test_every_pixel_arrives(tmp_path, train):
    """As a grey PNG in the folder of its class; without a test pair no split is given."""
    source, found = downloaded(tmp_path, entry(train))

    assert [(path, row["label"], row["split"]) for path, row in found.items()] == [
        ("0/00001.png", "0", None),
        ("1/00003.png", "1", None),
        ("2/00004.png", "2", None),
        ("7/00000.png", "7", None),
        ("7/00002.png", "7", None),
    ]
    for path, data in images_named(tmp_path / "data/source/images.zip", found):
        np.testing.assert_array_equal(decoded(data), GREY[int(path[2:7])])
    hashes = [{"uri": uri, "sha256": digest(tmp_path / uri)} for uri in (train["images"], train["labels"])]
    assert source["archives"] == hashes and source["n_images"] == 5


def test_two_pairs_are_two_splits(tmp_path, train):
    """Gzipped or not, in grey or in colour."""
    colour = np.arange(2 * 4 * 3 * 3, dtype=np.uint8).reshape(2, 4, 3, 3)
    test = pair(
        idx(tmp_path / "i.gz", colour, pack=gzip.compress), idx(tmp_path / "l.gz", LABELS[:2], pack=gzip.compress)
    )

    _, found = downloaded(tmp_path, entry(train, test))

    assert [path for path in found if path.startswith("test")] == ["test/0/00001.png", "test/7/00000.png"]
    assert {row["split"] for row in found.values()} == {"train", "test"}
    (_, data), *_ = images_named(tmp_path / "data/source/images.zip", ["test/7/00000.png"])
    np.testing.assert_array_equal(decoded(data), colour[0])


def test_classes_may_have_names(tmp_path, train):
    """Also one that could not be a folder."""
    _, found = downloaded(tmp_path, entry(train, None, ["a/b", "b", "c", "d", "e", "f", "g", "h"]))

    assert found["a_b/00001.png"]["label"] == "a/b" and found["h/00000.png"]["label"] == "h"


ONES = np.ones((2, 2, 2), np.uint8)
WRONG = {
    "no IDX": (lambda p: p.write_bytes(b"<html>"), "is no IDX file: it begins with 3c 68 74 6d, not with 00 00"),
    "empty": (lambda p: p.write_bytes(b""), "is no IDX file: it begins with nothing"),
    "floats": (lambda p: idx(p, ONES, bytes([0, 0, 13, 3])), "its values are of type 0x0D (float); only 0x08"),
    "unknown type": (lambda p: idx(p, ONES, bytes([0, 0, 5, 3])), "its values are of type 0x05 (unknown)"),
    "labels as images": (lambda p: idx(p, LABELS), "has 1 dimensions, expected 3 or 4; are images and labels interch"),
    "cut header": (lambda p: p.write_bytes(bytes([0, 0, 8, 3, 0])), "ends within its header"),
    "too few": (lambda p: idx(p, ONES, None, (5, 4, 3)), "its header announces 60 values, and it holds 8"),
    "too many": (lambda p: idx(p, GREY, None, (5, 2, 2)), "its header announces 20 values, and it holds more"),
    "other colours": (lambda p: idx(p, np.ones((5, 2, 2, 4), np.uint8)), "the last of its 4 dimensions is 4, expected 3"),
    "other count": (lambda p: idx(p, ONES), "2 images and 5 labels; they don't belong together"),
    "too many images": (lambda p: idx(p, ONES, None, (21, 1, 1)), "holds 21 images; download.max_images is 20"),
    "too large": (lambda p: idx(p, ONES, None, (5, 2000, 2000)), "unpacks to 20,000,000 bytes; download.max_bytes is"),
    "bomb": (lambda p: idx(p, np.zeros((5, 1, 1), np.uint8), pack=lambda d: gzip.compress(d + bytes(10**8))), "holds more"),
    "cut gz": (lambda p: idx(p, GREY, pack=lambda d: gzip.compress(d)[:-12]), "is damaged"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_file_is_named_with_what_was_got(tmp_path, monkeypatch, what):
    """Magic number, type, dimensions, counts and limits; a gz bomb is not unpacked beyond its announced size."""
    make, words = WRONG[what]
    make(tmp_path / "images")
    limits = {"max_images": 20, "max_bytes": 1_000_000}
    monkeypatch.setattr("tests.datasets.test_download.project", lambda root, found: project(root, found, **limits))

    message = refusal(tmp_path, entry(pair(str(tmp_path / "images"), idx(tmp_path / "labels", LABELS))))

    assert message.startswith(str(tmp_path / "images")) and words in message


def test_labels_and_names_must_fit(tmp_path, train):
    """A label without a name, and images where labels should be."""
    assert "label 7 has no name, as there are 2 names" in refusal(tmp_path, entry(train, None, ["a", "b"]))
    swapped = pair(train["images"], train["images"])
    assert "has 3 dimensions, expected 1" in refusal(tmp_path, entry(swapped))


def test_a_hash_is_compared(tmp_path, train):
    """Of images and of labels."""
    for which in ("images", "labels"):
        assert refusal(tmp_path, entry(train | {f"{which}_sha256": "0" * 64})).startswith(train[which])
