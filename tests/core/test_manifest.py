"""The manifest: a row for each image, whatever its name or state, and the same rows on any number of cores."""

import hashlib
import io
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from stages.core import manifest as mf
from stages.core.archive import Member, write_zip
from stages.core.errors import UserError

PIXELS = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


def png(pixels=PIXELS):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "png")
    return stream.getvalue()


ODD = {
    "Größe/Über Weg.png": png(),
    "cat/a b (1).png": png(),
    "cat/cut.png": png()[:50],
    "cat/empty.jpg": b"",
    "cat/grey.png": png(PIXELS[..., 0]),
    "cat/text.jpg": b"no image",
    "猫/test/1.png": png(PIXELS + 1),
}


def zipped(path, files):
    write_zip(path, [Member(name, lambda data=data: data) for name, data in files.items()])
    return path


@pytest.mark.parametrize(
    ("name", "label", "split"),
    [
        ("cat/1.jpg", "cat", None),
        ("photos/2019/cat/1.jpg", "cat", None),
        ("train/cat/1.jpg", "cat", "train"),
        ("Training/cat/1.jpg", "cat", "train"),
        ("data/TEST/cat/1.jpg", "cat", "test"),
        ("valid/cat/1.jpg", "cat", "val"),
        ("validation/cat/1.jpg", "cat", "val"),
        ("dev/cat/1.jpg", "cat", "val"),
        ("testing/cat/1.jpg", "cat", "test"),
        ("seg_train/seg_train/forest/1.jpg", "forest", "train"),
        ("seg_test/seg_test/forest/1.jpg", "forest", "test"),
        ("train/train/1.jpg", "train", "train"),  # a class of trains
        ("trainer/1.jpg", "trainer", None),
        ("a b/ü 1.jpg", "a b", None),
    ],
)
def test_class_and_split_come_from_the_folders(name, label, split):
    """The last folder is the class; a split's folder anywhere above it is the split."""
    assert mf.placed(name) == (label, split)


@pytest.mark.parametrize("name", ["1.jpg", "train/1.jpg", "SEG_TEST/1.jpg"])
def test_an_image_in_no_class_folder_is_an_error(name):
    """The error names the image and says what would be right."""
    with pytest.raises(UserError, match=f"{name} lies in no class folder; put each image in a folder"):
        mf.placed(name)


def test_broken_and_odd_files_are_rows_too(tmp_path):
    """Every member is a row, in the order of the zip; what can't be read has an error and no size."""
    rows = mf.table(mf.measured(zipped(tmp_path / "source.zip", ODD))).set_index("path")

    assert list(rows.index) == sorted(ODD)
    assert sorted(rows.index[rows["error"].notna()]) == ["cat/cut.png", "cat/empty.jpg", "cat/text.jpg"]
    assert rows.loc["cat/empty.jpg", "error"] == "the file is empty"
    assert rows.loc[rows["error"].notna(), ["width", "pixel_sha256", "format"]].isna().all(axis=None)
    assert rows.loc["Größe/Über Weg.png", "label"] == "Größe"
    assert rows.loc["猫/test/1.png", "label"] == "test"


def test_a_row_says_what_the_image_is(tmp_path):
    """Hash and size of the bytes, and of the pixels: 3 wide, 2 high."""
    row = mf.table(mf.measured(zipped(tmp_path / "source.zip", ODD))).set_index("path").loc["cat/a b (1).png"]

    assert (row["width"], row["height"], row["mode"], row["format"]) == (3, 2, "RGB", "PNG")
    assert row["sha256"] == hashlib.sha256(png()).hexdigest()
    assert row["n_bytes"] == len(png())
    assert row["pixel_sha256"] == hashlib.sha256(b"2x3" + PIXELS.tobytes()).hexdigest()


def test_equal_pixels_hash_alike_whatever_the_file():
    """A PNG and a BMP of one picture differ in bytes and agree in pixels; a reshaped picture doesn't."""
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, "bmp")
    first, copy = mf.measure("a/1.png", png()), mf.measure("a/2.bmp", stream.getvalue())
    other = mf.measure("a/3.png", png(PIXELS.reshape(3, 2, 3)))

    assert first["sha256"] != copy["sha256"]
    assert first["pixel_sha256"] == copy["pixel_sha256"] != other["pixel_sha256"]


def test_the_number_of_workers_changes_nothing(tmp_path, monkeypatch):
    """One process and two give the same rows in the same order, with chunks smaller than the whole."""
    path = zipped(tmp_path / "source.zip", ODD)
    monkeypatch.setattr(mf, "ALONE", 0)
    monkeypatch.setattr(mf, "CHUNK", 3)

    assert list(mf.measured(path, 2)) == list(mf.measured(path, 1))


def test_an_error_in_a_worker_reaches_the_user(tmp_path, monkeypatch):
    """An image without class folder is the same UserError from another process."""
    path = zipped(tmp_path / "source.zip", {"cat/1.png": png(), "loose.png": png()})
    monkeypatch.setattr(mf, "ALONE", 0)

    with pytest.raises(UserError, match=r"loose\.png lies in no class folder"):
        list(mf.measured(path, 2))


def test_the_table_has_its_columns_whatever_the_rows(tmp_path):
    """Also a source of nothing but broken files, or of nothing, gives typed columns that parquet takes."""
    for rows in ([mf.measure("a/1.jpg", b"")], []):
        table = mf.table(rows)
        table.to_parquet(tmp_path / "manifest.parquet")

        assert list(table.columns) == list(mf.COLUMNS)
        assert str(table["width"].dtype) == "Int32"


def test_a_manifest_survives_its_file(tmp_path):
    """Written and read again it is equal, missing values and all."""
    table = mf.table(mf.measured(zipped(tmp_path / "source.zip", ODD)))
    table.to_parquet(tmp_path / "manifest.parquet")

    pd.testing.assert_frame_equal(mf.read_manifest(tmp_path / "manifest.parquet"), table)


def test_without_manifest_the_gate_is_named(tmp_path):
    """A later node run too early says why there is no manifest and what to do."""
    with pytest.raises(UserError, match=r"manifest.parquet does not exist: .* Run `dvc repro validate`"):
        mf.read_manifest(tmp_path / "manifest.parquet")


def test_class_ids_follow_code_points():
    """Capitals before small letters before umlauts, on every machine."""
    assert mf.class_names(pd.DataFrame({"label": ["ä", "b", "B", "a", "b"]})) == ["B", "a", "b", "ä"]


def test_a_member_that_is_damaged_in_the_zip_stops(tmp_path):
    """A source.zip with a flipped byte is an error of its own, never a row."""
    path = zipped(tmp_path / "source.zip", {"cat/1.png": png()})
    data = bytearray(path.read_bytes())
    data[60] ^= 255
    path.write_bytes(data)

    with pytest.raises(zipfile.BadZipFile):
        list(mf.measured(path))
