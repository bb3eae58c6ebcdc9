"""The source: the same members give the same bytes, each is found again at its place, and damage is noticed."""

import os
import zipfile
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.core.errors import UserError
from stages.core.ingest.label_text import clean_label
from stages.core.ingest.source import (
    NOWHERE,
    Member,
    Source,
    images_named,
    index_of,
    opened_index,
    read_at,
    write_source,
)

TEXT = st.none() | st.text("abü 7", min_size=1, max_size=5)
NAMES = st.text("abcä/ .犬", min_size=1, max_size=12).filter(lambda name: not name.endswith("/"))
SAID = st.tuples(TEXT, st.none() | st.sampled_from(["train", "val", "test"]), TEXT, TEXT)
DATA = st.none() | st.binary(max_size=200)
TABLES = st.dictionaries(NAMES, st.tuples(DATA, SAID), max_size=8)
FILES = {"train/cat/1.jpg": b"one", "train/dog/ä 2.jpg": b"two", "test/cat/3.jpg": b""}


def members_of(table):
    """Members of a drawn table; None stands for a file that nobody has."""
    return [
        Member(name, None if data is None else (lambda data=data: data), *said) for name, (data, said) in table.items()
    ]


def folders(files):
    """A source whose folders say the classes."""
    return Source({}, [Member(name, lambda data=data: data) for name, data in files.items()])


def rows(archive):
    """The index as mappings."""
    return opened_index(archive).read().to_pylist()


@pytest.fixture
def archive(tmp_path):
    """A source of three images."""
    write_source(tmp_path / "images.zip", folders(FILES))
    return tmp_path / "images.zip"


@given(TABLES, st.randoms())
def test_the_same_members_give_the_same_bytes(tmp_path_factory, table, shuffler):
    """In whatever order they come: of images.zip and of index.parquet."""
    written, members = [], members_of(table)
    for _ in range(2):
        path = tmp_path_factory.mktemp("source") / "images.zip"
        shuffler.shuffle(members)
        assert write_source(path, Source({}, members, "table")) == sum(data is not None for data, _ in table.values())
        written.append((path.read_bytes(), index_of(path).read_bytes()))

    assert written[0] == written[1]


@given(TABLES)
def test_what_was_put_in_is_found_again(tmp_path_factory, table):
    """Every byte, by its place and by its name, and what the table says; and it is still a zip for everybody."""
    path = tmp_path_factory.mktemp("source") / "images.zip"
    write_source(path, Source({}, members_of(table), "table"))
    had = {name: data for name, (data, _) in table.items() if data is not None}
    found = {row["path"]: row for row in rows(path)}

    assert list(found) == sorted(table)
    for name, (data, said) in table.items():
        row = found[name]
        label = clean_label(said[0] or "") or None
        note = said[3] if label or said[0] is None else said[3] or "no label"
        assert (row["label"], row["split"], row["group"], row["note"]) == (label, said[1], said[2], note)
        if data is None:
            assert row["offset"] == NOWHERE
        else:
            assert read_at(path, row["offset"], row["n_bytes"], row["crc32"]) == data
    assert dict(images_named(path, table)) == had
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert {info.filename: archive.read(info) for info in archive.infolist()} == had


@given(st.binary(min_size=1, max_size=300), st.integers(0, 10_000), st.integers(1, 255))
def test_a_damaged_byte_is_a_users_error(tmp_path_factory, data, place, change):
    """Wherever in an image a byte was changed, reading it says so and how to mend it."""
    path = tmp_path_factory.mktemp("source") / "images.zip"
    write_source(path, folders({"cat/1.jpg": data}))
    row = rows(path)[0]
    written = bytearray(path.read_bytes())
    written[row["offset"] + place % len(data)] ^= change
    path.write_bytes(written)

    with pytest.raises(
        UserError, match=r"images\.zip is damaged \(wrong bytes at .*; `dvc repro -f download` makes it"
    ):
        read_at(path, row["offset"], row["n_bytes"], row["crc32"])


def test_the_zip_holds_no_time_and_no_compression(archive):
    """Members are stored, dated 1980, and in the order of their names."""
    with zipfile.ZipFile(archive) as found:
        assert found.namelist() == sorted(FILES)
        assert {info.date_time for info in found.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.compress_type for info in found.infolist()} == {zipfile.ZIP_STORED}


def test_folders_say_class_and_split(archive):
    """The last folder is the class, train / val / test above it the split."""
    assert [(row["label"], row["split"]) for row in rows(archive)] == [
        ("cat", "test"),
        ("cat", "train"),
        ("dog", "train"),
    ]


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("Training/cat/1.jpg", "train"),
        ("seg_train/seg_train/cat/1.jpg", "train"),
        ("x/training_set/cat/1.jpg", "train"),
        ("a/cat/1.jpg", None),
    ],
)
def test_the_usual_names_of_splits_are_known(tmp_path, name, split):
    """In any case of letters and however deep."""
    write_source(tmp_path / "images.zip", folders({name: b""}))

    assert [(row["label"], row["split"]) for row in rows(tmp_path / "images.zip")] == [("cat", split)]


@pytest.mark.parametrize(("name", "where"), [("1.jpg", "the outermost folder"), ("train/1.jpg", "train/")])
def test_an_image_in_no_class_folder_is_refused(tmp_path, name, where):
    """With the way to put it right."""
    with pytest.raises(
        UserError, match=f"an image in {where} lies in no class folder; put each image in a folder with the name"
    ):
        write_source(tmp_path / "images.zip", folders({name: b""}))


def test_two_members_of_one_name_are_refused(tmp_path):
    """Which of the two would be meant is not ours to guess."""
    twice = Source({}, [Member("cat/1.jpg", lambda: b"1")] * 2)

    with pytest.raises(UserError, match=r"cat/1\.jpg stands twice in the source; rename one of the two"):
        write_source(tmp_path / "images.zip", twice)


def test_images_come_in_the_order_of_the_index(archive):
    """Whatever was asked for, also twice or unknown."""
    asked = ["train/dog/ä 2.jpg", "none", "test/cat/3.jpg", "train/dog/ä 2.jpg"]

    assert [name for name, _ in images_named(archive, asked)] == ["test/cat/3.jpg", "train/dog/ä 2.jpg"]


@pytest.mark.parametrize("missing", ["images.zip", "index.parquet"])
def test_a_missing_half_is_named(archive, missing):
    """The zip without its index is no source, nor the other way round."""
    archive.with_name(missing).unlink()

    with pytest.raises(UserError, match=f"{missing} is missing; run `dvc repro download`"):
        opened_index(archive)


def test_a_damaged_index_is_named(archive):
    """A cut index can't be read, and the error says what makes it anew."""
    path = index_of(archive)
    path.write_bytes(path.read_bytes()[:-10])

    with pytest.raises(UserError, match=r"index\.parquet is damaged .*`dvc repro -f download`"):
        opened_index(archive)


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"x", lambda data: b""])
def test_a_cut_zip_is_noticed_before_it_is_read(archive, change):
    """Also when only its own list of members is missing, which nobody reads here."""
    archive.write_bytes(change(archive.read_bytes()))

    with pytest.raises(UserError, match=r"images\.zip is damaged \(.* bytes, and .* were written\); `dvc repro -f"):
        opened_index(archive)


def test_a_zip_that_was_written_anew_is_read_anew(archive):
    """A process that has read the old one does not go on reading it."""
    row = rows(archive)[1]
    assert read_at(archive, row["offset"], row["n_bytes"], row["crc32"]) == b"one"
    other = archive.parent / "other/images.zip"
    other.parent.mkdir()
    write_source(other, folders(FILES | {"train/cat/1.jpg": b"new"}))
    for path in (other, index_of(other)):
        path.replace(archive.with_name(path.name))
    row = rows(archive)[1]

    assert read_at(archive, row["offset"], row["n_bytes"], row["crc32"]) == b"new"


def test_the_index_is_written_in_pieces(tmp_path, monkeypatch):
    """More rows than are held at once give the same table, in more row groups."""
    monkeypatch.setattr("stages.core.ingest.source.ROWS", 3)
    write_source(tmp_path / "images.zip", folders({f"cat/{n}.jpg": os.urandom(9) for n in range(8)}))

    assert pq.ParquetFile(tmp_path / "index.parquet").num_row_groups == 3
    assert len(rows(tmp_path / "images.zip")) == 8


def test_a_member_is_frozen():
    """What a table says of an image is added by making another member."""
    member = Member("cat/1.jpg", None)

    assert replace(member, label="cat").label == "cat" and member.label is None
