"""The ranges of a set: found once, over all images, and carried by the manifest to whoever decodes."""

import io

import numpy as np
import pytest
from PIL import Image

from stages.core.gate import value_ranges as v
from stages.core.gate.draft import compact, write_manifest, write_rows
from stages.core.gate.measuring import measured
from stages.core.images.manifest import read_ranges
from stages.core.images.packing import pack_split
from stages.core.ingest.source import Member, Source, write_source
from stages.core.settings.options import Normalize

GREY = Normalize(height=1, width=2, channels="grey", fit="stretch", resample="bilinear")


def file(values, dtype, form="tiff"):
    """An image file of these samples."""
    stream = io.BytesIO()
    Image.fromarray(np.asarray(values, dtype)).save(stream, form)
    return stream.getvalue()


def packed(folder, images):
    """A source of these files; returns its zip."""
    members = [Member(name, lambda data=data: data) for name, data in images.items()]
    write_source(folder / "images.zip", Source({}, members))
    return folder / "images.zip"


FLOATS = {
    "a/1.tif": file([[-1, np.nan]], "float32"),
    "a/2.tif": file([[0, 1]], "float32"),
    "b/1.png": file([[0, 4000]], "uint16", "png"),
    "b/2.png": file([[0, 255]], "uint8", "png"),
    "b/3.tif": b"II*\0 is no image",
}


@pytest.mark.parametrize("n_workers", [1, None])
def test_the_ranges_are_those_of_the_whole_set(tmp_path, n_workers):
    """A range for each type; no number, no 8-bit image and no damaged file has a part in it."""
    assert v.value_ranges(packed(tmp_path, FLOATS), n_workers) == {"float32": (-1.0, 1.0), "uint16": (0.0, 4095.0)}


def test_the_manifest_carries_them_to_the_pack(tmp_path):
    """What is found is what every later node uses: the same values give the same grey in all images."""
    archive = packed(tmp_path, FLOATS)
    ranges = v.value_ranges(archive)
    write_rows(tmp_path / "rows.parquet", measured(archive, None, ranges), tmp_path / "thumbnails", ranges)
    images = compact(tmp_path / "rows.parquet", 1)
    decided = images.assign(split="train", group=None, near=None, quarantine=None)
    write_manifest(tmp_path / "manifest.parquet", tmp_path / "rows.parquet", decided)
    assert read_ranges(tmp_path / "manifest.parquet") == ranges
    pack_split(archive, np.array([0, 1, 2, 3]), GREY, tmp_path / "train.npy", ranges)
    got = np.load(tmp_path / "train.npy")[..., 0, :, 0].tolist()
    assert got == [[0, 0], [128, 255], [0, 249], [0, 255]]


def test_a_set_of_8_bits_has_no_ranges_and_none_of_it_is_decoded(tmp_path, monkeypatch):
    """It pays for the first bytes of its files only."""
    images = {f"a/{form}.{form}": file([[1, 2]], "uint8", form) for form in ("png", "jpeg", "gif", "bmp", "webp")}
    monkeypatch.setattr(v, "spans_of", lambda _: pytest.fail("an image was decoded"))
    assert v.value_ranges(packed(tmp_path, images)) == {}


def test_an_8_bit_manifest_says_nothing_of_ranges(tmp_path):
    """Its bytes are those it always had."""
    archive = packed(tmp_path, {"a/1.png": file([[1, 2]], "uint8", "png")})
    write_rows(tmp_path / "rows.parquet", measured(archive), tmp_path / "thumbnails", {})
    assert read_ranges(tmp_path / "rows.parquet") == {}
