"""The manifest: what was measured and decided, unchanged from row to row, and in little memory on the way."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.errors import UserError
from stages.core.gate import draft
from stages.core.gate.measuring import SCHEMA, SIDE, Chunk
from stages.core.images import manifest as mf

HASHES = st.lists(st.none() | st.integers(0, 30).map(lambda n: f"{n * 7919 % 31:02x}" * 32), max_size=40)


def chunk(hashes):
    """Rows of SCHEMA with nothing but a path and a hash of their pixels."""
    rows = [{"path": f"a/{i}.png", "label": "a", "pixel_sha256": text} for i, text in enumerate(hashes)]
    return Chunk(pa.RecordBatch.from_pylist(rows, SCHEMA), np.zeros((len(rows), SIDE, SIDE, 3), np.uint8))


def compacted(folder, hashes, seed=1):
    draft.write_rows(folder / "rows.parquet", [chunk(hashes)], folder / "thumbnails")
    return draft.compact(folder / "rows.parquet", seed)


@given(hashes=HASHES)
def test_pixels_stand_for_hashes(tmp_path_factory, hashes):
    """Equal for equal pixels, in the order of the hashes, and -1 for an image that could not be read."""
    found = compacted(tmp_path_factory.mktemp("rows"), hashes)["pixels"].tolist()

    known = [(text, number) for text, number in zip(hashes, found, strict=True) if text is not None]
    assert all((a < b) == (m < n) for a, m in known for b, n in known)
    assert [number == -1 for number in found] == [text is None for text in hashes]


def test_pixels_differ_when_the_hashes_differ_late():
    """Also hashes whose first 64 bits agree, and whose order is that of the next 64."""
    texts = ["ab" * 8 + tail * 24 for tail in ("ff", "00", "7f")]
    table = pa.table({"pixel_sha256": texts})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)

    places = draft.places(pq.ParquetFile(pa.BufferReader(sink.getvalue())), 1)

    assert np.argsort(places["pixels"]).tolist() == [1, 2, 0] and len(set(places["pixels"])) == 3


def test_rank_is_a_function_of_seed_and_pixels(tmp_path):
    """Whatever the row and its neighbours; another seed gives another order."""
    texts = [f"{n:064x}" for n in range(50)]
    first = compacted(tmp_path, texts)["rank"]

    assert first.tolist() == [draft.ranked(1, text) for text in texts]
    assert compacted(tmp_path, texts[::-1])["rank"].tolist() == first.tolist()[::-1]
    assert (np.argsort(compacted(tmp_path, texts, seed=2)["rank"]) != np.argsort(first)).any()
    assert draft.ranked(1, "00" * 32) == 0x7CA227D548DCDA2D  # the head of `printf 1:000…0 | sha256sum`, for ever


def test_a_manifest_holds_what_was_measured_and_decided(tmp_path):
    """Rows in their order, in several batches, with four decided columns beside the measured ones."""
    parts = [chunk(["00" * 32, None]), chunk(["01" * 32])]
    draft.write_rows(tmp_path / "rows.parquet", parts, tmp_path / "thumbnails")
    decided = pd.DataFrame(
        {
            "split": ["train", None, "test"],
            "group": [None, "g", None],
            "near": None,
            "quarantine": [None, "readable", None],
        }
    )
    draft.write_manifest(tmp_path / "manifest.parquet", tmp_path / "rows.parquet", decided)

    found = mf.read_manifest(tmp_path / "manifest.parquet")
    assert list(found.columns) == [*SCHEMA.names, "split", "group", "near", "quarantine"]
    assert found["path"].tolist() == ["a/0.png", "a/1.png", "a/0.png"]
    assert found["split"].fillna("").tolist() == ["train", "", "test"]
    assert found["pixel_sha256"].fillna("").tolist() == ["00" * 32, "", "01" * 32]
    assert mf.read_manifest(tmp_path / "manifest.parquet", ["split"]).columns.tolist() == ["split"]
    assert (tmp_path / "thumbnails").stat().st_size == 3 * SIDE * SIDE * 3


def test_the_same_manifest_is_the_same_file(tmp_path):
    """No time and no random id is in it."""
    files = []
    for name in ("a", "b"):
        draft.write_rows(tmp_path / "rows.parquet", [chunk(["00" * 32])], tmp_path / "thumbnails")
        decided = pd.DataFrame({"split": ["val"], "group": None, "near": None, "quarantine": None})
        draft.write_manifest(tmp_path / name, tmp_path / "rows.parquet", decided)
        files.append((tmp_path / name).read_bytes())

    assert files[0] == files[1]


def test_without_manifest_the_gate_is_named(tmp_path):
    """A later node run too early says why there is no manifest and what to do."""
    with pytest.raises(UserError, match=r"manifest.parquet does not exist: .* Run `dvc repro validate`"):
        mf.read_manifest(tmp_path / "manifest.parquet")


def test_class_ids_follow_code_points():
    """Capitals before small letters before umlauts, on every machine; an image without class has none."""
    rows = pd.DataFrame({"label": ["ä", "b", "B", None, "a", "b"], "split": "train"})
    assert mf.class_names(rows) == ["B", "a", "b", "ä"]


def test_a_class_in_no_split_is_no_class_of_the_model():
    """All its images are unreadable, say: a model must not get an output that it never saw."""
    assert mf.class_names(pd.DataFrame({"label": ["a", "b"], "split": ["train", None]})) == ["a"]
