"""Packed images: in manifest order, exact statistics, the same bytes on any number of cores."""

import io
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from stages.core import parallel
from stages.core.errors import UserError
from stages.core.images import manifest, packing, packs
from stages.core.images.packing import pack_split, statistics, sums
from stages.core.images.packs import load_split
from stages.core.ingest.source import Member, Source, write_source
from stages.core.settings.options import Normalize

RGB = Normalize(height=2, width=3, channels="rgb", fit="stretch", resample="nearest")
images_u8 = arrays(np.uint8, array_shapes(min_dims=4, max_dims=4, max_side=6))


def png(value):
    stream = io.BytesIO()
    Image.new("RGB", (5, 4), (value, value // 2, 255 - value)).save(stream, "png")
    return stream.getvalue()


NAMES = sorted(f"{'ab'[i % 2]}/{i}.png" for i in range(9))  # row n of the source is NAMES[n]


def shade(name):
    """The one value of red in a picture of the source."""
    return int(name[2]) * 20


@pytest.fixture
def archive(tmp_path):
    """Nine images of one colour each, of two classes."""
    members = [Member(name, lambda name=name: png(shade(name))) for name in NAMES]
    write_source(tmp_path / "images.zip", Source({}, members))
    return tmp_path / "images.zip"


def rows(splits):
    """A manifest of the source with these splits, row by row."""
    return pd.DataFrame({"path": NAMES, "label": [name[0] for name in NAMES], "split": splits})


def test_statistics_by_hand():
    """The values 0, 0, 6, 2: mean 2, variance (4 + 4 + 16 + 0) / 4."""
    images = np.array([0, 0, 6, 2], np.uint8).reshape(2, 1, 2, 1)

    assert statistics(sums(images), 4) == packs.Statistics([2.0], [6.0])


@given(images_u8)
def test_statistics_are_those_of_numpy(images):
    """Mean and variance of each channel over all pixels, as float64 arithmetic has them."""
    got = statistics(sums(images), images[..., 0].size)

    assert got.mean == pytest.approx(images.mean(axis=(0, 1, 2), dtype=np.float64))
    assert got.variance == pytest.approx(images.var(axis=(0, 1, 2), dtype=np.float64), abs=1e-9)


@given(images_u8)
def test_statistics_are_exact(images):
    """Both are the float next to the true fraction: no rounding piles up."""
    got = statistics(sums(images), images[..., 0].size)

    for channel, (mean, variance) in enumerate(zip(got.mean, got.variance, strict=True)):
        values = [Fraction(int(value)) for value in images[..., channel].ravel()]
        exact = sum(values) / len(values)
        assert mean == float(exact)
        assert variance == float(sum((value - exact) ** 2 for value in values) / len(values))


@given(images_u8, st.integers(0, 6))
def test_sums_of_parts_are_the_sum_of_all(images, cut):
    """Chunks may be summed apart and in any order."""
    assert (sums(images[cut:]) + sums(images[:cut]) == sums(images)).all()


def test_statistics_of_nothing_are_an_error():
    """There is no mean of no pixels."""
    with pytest.raises(ValueError, match="no pixels"):
        statistics(np.zeros((2, 3)), 0)


@pytest.mark.parametrize("size", [1, 2, 100])
def test_images_stand_in_the_order_of_the_rows(archive, tmp_path, monkeypatch, size):
    """Image i of the map is the row of the source with the i-th number, however the index is cut into pieces."""
    monkeypatch.setattr(packing, "CHUNK", size)
    monkeypatch.setattr(packing, "ROWS", 4)
    numbers = np.array([0, 3, 4, 8])

    total = pack_split(archive, numbers, RGB, tmp_path / "p.npy")

    packed = np.load(tmp_path / "p.npy")
    values = [shade(NAMES[n]) for n in numbers]
    assert (packed.shape, packed.dtype) == ((4, 2, 3, 3), np.uint8)
    assert packed[:, 0, 0].tolist() == [[value, value // 2, 255 - value] for value in values]
    assert (total == sums(packed)).all()


@given(st.sets(st.integers(0, 30)), st.integers(1, 12), st.integers(1, 12))
def test_chosen_rows_are_each_named_once(tmp_path_factory, numbers, batch, size):
    """Every number comes once, at its place, whatever the batches of the index and the pieces are."""
    folder = tmp_path_factory.mktemp("index")
    write_source(folder / "images.zip", Source({}, [Member(f"a/{i:02}", lambda i=i: bytes(i)) for i in range(31)]))
    wanted = np.array(sorted(numbers), np.int64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "CHUNK", size)
        patch.setattr(packing, "ROWS", batch)
        pieces = list(packing.chosen(folder / "images.zip", wanted))

    assert [at for at, _ in pieces] == [0, *np.cumsum([len(rows) for _, rows in pieces])][: len(pieces)]
    assert [n for _, rows in pieces for n in rows.column("n_bytes").to_pylist()] == wanted.tolist()
    assert all(0 < len(rows) <= size for _, rows in pieces)


def test_grey_has_one_channel(archive, tmp_path):
    """channels: grey packs uint8 [N, H, W, 1]."""
    grey = RGB.model_copy(update={"channels": "grey"})
    total = pack_split(archive, np.array([1, 2]), grey, tmp_path / "p.npy")

    assert np.load(tmp_path / "p.npy").shape == (2, 2, 3, 1)
    assert total.shape == (2, 1)


def test_the_number_of_workers_changes_no_byte(archive, tmp_path, monkeypatch):
    """One process and two write the same file and the same sums, with chunks smaller than the whole."""
    monkeypatch.setattr(parallel, "ALONE", 0)
    monkeypatch.setattr(packing, "CHUNK", 2)
    totals = []
    for n_workers in (1, 2):
        monkeypatch.setattr(parallel.os, "sched_getaffinity", lambda _, n=n_workers: range(n))
        totals.append(pack_split(archive, np.arange(9), RGB, tmp_path / f"{n_workers}.npy"))

    assert (tmp_path / "1.npy").read_bytes() == (tmp_path / "2.npy").read_bytes()
    assert (totals[0] == totals[1]).all()
    assert np.load(tmp_path / "2.npy")[:, 0, 0, 0].tolist() == [shade(name) for name in NAMES]


def test_a_packed_split_loads_with_its_labels(archive, tmp_path):
    """Labels are ids of all classes of the manifest; images stay on disk."""
    whole = rows(["train", None, None, "train", None, "val", "train", None, None])
    for split in ("train", "val", "test"):
        numbers = manifest.rows_of(whole, split).index.to_numpy()
        pack_split(archive, numbers, RGB, tmp_path / f"{split}.npy")

    train, test = load_split(tmp_path, whole, "train"), load_split(tmp_path, whole, "test")

    assert isinstance(train.images, np.memmap)
    assert (train.labels.tolist(), train.labels.dtype, train.paths) == (
        [0, 0, 1],
        np.int64,
        ["a/0.png", "a/6.png", "b/3.png"],
    )
    assert train.images[:, 0, 0, 0].tolist() == [0, 120, 60]
    assert (test.images.shape, test.labels.tolist(), test.paths) == ((0, 2, 3, 3), [], [])


def test_a_missing_pack_names_the_way_out(tmp_path):
    """Asked for too early, it says what to run."""
    with pytest.raises(UserError, match=r"train\.npy is missing; run `dvc repro normalize`"):
        load_split(tmp_path, rows(["train"] * 9), "train")


def test_a_pack_of_another_manifest_is_refused(archive, tmp_path):
    """Two packed images and nine rows don't belong together."""
    pack_split(archive, np.array([1, 2]), RGB, tmp_path / "train.npy")

    with pytest.raises(UserError, match=r"holds 2 images, the manifest 9; run `dvc repro normalize`"):
        load_split(tmp_path, rows(["train"] * 9), "train")
