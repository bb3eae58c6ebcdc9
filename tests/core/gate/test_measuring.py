"""Measuring: a row for each image, whatever its name or state, and the same rows on any number of cores."""

import hashlib
import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from stages.core import parallel
from stages.core.errors import UserError
from stages.core.gate import measuring
from stages.core.gate.measuring import SCHEMA, SIDE, measured
from stages.core.ingest.source import Member, Source, write_source

PIXELS = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


def encoded(pixels=PIXELS, kind="png"):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


ODD = {
    "Größe/Über Weg.png": encoded(),
    "cat/a b (1).png": encoded(),
    "cat/cut.png": encoded()[:50],
    "cat/empty.jpg": b"",
    "cat/grey.png": encoded(PIXELS[..., 0]),
    "cat/text.jpg": b"no image",
    "猫/1.png": encoded(PIXELS + 1),
}


def packed(tmp_path, files, **source):
    members = [Member(name, lambda data=data: data) for name, data in files.items()]
    write_source(tmp_path / "images.zip", Source({}, members, **source))
    return tmp_path / "images.zip"


def rows(archive):
    """All measured rows by path."""
    return pa.Table.from_batches([chunk.rows for chunk in measured(archive)]).to_pandas().set_index("path")


def test_broken_and_odd_files_are_rows_too(tmp_path):
    """Every member is a row, in the order of the zip; what can't be read has an error, no size and no looks."""
    found = rows(packed(tmp_path, ODD))

    assert list(found.index) == sorted(ODD)
    assert sorted(found.index[found["error"].notna()]) == ["cat/cut.png", "cat/empty.jpg", "cat/text.jpg"]
    assert found.loc["cat/empty.jpg", "error"] == "the file is empty"
    assert (
        found.loc[found["error"].notna(), ["width", "pixel_sha256", "format", "contrast", "red"]].isna().all(axis=None)
    )
    assert found.loc["Größe/Über Weg.png", "label"] == "Größe"
    assert found.loc["猫/1.png", "label"] == "猫"


def test_a_row_says_what_the_image_is(tmp_path):
    """Hash and size of the bytes, and of the pixels: 3 wide, 2 high."""
    row = rows(packed(tmp_path, ODD)).loc["cat/a b (1).png"]

    assert (row["width"], row["height"], row["mode"], row["bits"], row["format"]) == (3, 2, "RGB", 8, "PNG")
    assert row["sha256"] == hashlib.sha256(encoded()).hexdigest()
    assert row["n_bytes"] == len(encoded())
    assert row["pixel_sha256"] == hashlib.sha256(b"2x3" + PIXELS.tobytes()).hexdigest()


def test_bits_are_those_of_the_file(tmp_path):
    """16 a channel, 8 or 1, though all are 8 once they are decoded."""
    deep = Image.fromarray(np.arange(6, dtype=np.uint16).reshape(2, 3) * 9000)
    flat = Image.fromarray(PIXELS[..., 0] > 5)
    files = {}
    for name, image in {"deep": deep, "flat": flat, "plain": Image.fromarray(PIXELS)}.items():
        image.save(stream := io.BytesIO(), "png")
        files[f"a/{name}.png"] = stream.getvalue()

    assert rows(packed(tmp_path, files))["bits"].to_dict() == {"a/deep.png": 16, "a/flat.png": 1, "a/plain.png": 8}


def test_equal_pixels_hash_alike_whatever_the_file(tmp_path):
    """A PNG and a BMP of one picture differ in bytes and agree in pixels; a reshaped picture doesn't."""
    files = {"a/1.png": encoded(), "a/2.bmp": encoded(kind="bmp"), "a/3.png": encoded(PIXELS.reshape(3, 2, 3))}
    first, copy, other = (row for _, row in rows(packed(tmp_path, files)).iterrows())

    assert first["sha256"] != copy["sha256"]
    assert first["pixel_sha256"] == copy["pixel_sha256"] != other["pixel_sha256"]


def test_what_the_source_says_is_kept(tmp_path):
    """Label, split, group and note of a table stand in the row; what it names and nobody has is an error."""
    members = [
        Member("1.png", encoded, "cat", "val", "anna", None),
        Member("2.png", encoded, None, None, None, "no label"),
        Member("3.png", None, "dog", None, None, "no such file"),
    ]
    write_source(tmp_path / "images.zip", Source({}, members, labels="table"))
    found = rows(tmp_path / "images.zip")

    assert found.loc["1.png", ["label", "given_split", "given_group"]].tolist() == ["cat", "val", "anna"]
    assert found["note"].fillna("").tolist() == ["", "no label", "no such file"]
    assert found["error"].fillna("").tolist() == ["", "", "no such file"]


@pytest.mark.parametrize("n_workers", [1, 2])
def test_the_number_of_workers_changes_nothing(tmp_path, monkeypatch, n_workers):
    """One process and two give the same rows and thumbnails in the same order, in chunks smaller than the whole."""
    archive = packed(tmp_path, ODD)
    (whole,) = measured(archive, 1)
    monkeypatch.setattr(parallel, "ALONE", 0)
    monkeypatch.setattr(measuring, "CHUNK", 3)

    parts = list(measured(archive, n_workers))

    assert [part.rows.num_rows for part in parts] == [3, 3, 1]
    assert pa.Table.from_batches([part.rows for part in parts]) == pa.Table.from_batches([whole.rows])
    assert (np.concatenate([part.thumbnails for part in parts]) == whole.thumbnails).all()


def test_an_error_in_a_worker_reaches_the_user(tmp_path, monkeypatch):
    """A byte that is not as it was written is the same UserError from another process, never a row."""
    archive = packed(tmp_path, {"cat/1.png": encoded()})
    data = bytearray(archive.read_bytes())
    data[60] ^= 255
    archive.write_bytes(data)
    monkeypatch.setattr(parallel, "ALONE", 0)

    for n_workers in (1, 2):
        with pytest.raises(UserError, match=r"images.zip is damaged \(wrong bytes at 39\); `dvc repro -f download`"):
            list(measured(archive, n_workers))


def test_every_chunk_has_its_columns_and_thumbnails(tmp_path):
    """Also a source of nothing but broken files gives typed columns and black thumbnails; an empty one, no chunk."""
    (chunk,) = measured(packed(tmp_path, {"a/1.jpg": b""}))

    assert chunk.rows.schema == SCHEMA
    assert chunk.thumbnails.shape == (1, SIDE, SIDE, 3) and not chunk.thumbnails.any()
    assert list(measured(packed(tmp_path, {}))) == []
