"""csv_labels: what a table says of an image is kept as it is written, and what doesn't fit is noted or refused."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stages.core.files import digest
from tests.core.ingest.test_hostile_archives import tar_of
from tests.datasets.test_download import MISSING, OWN, downloaded, picture, refusal, rows, zipped

COLUMNS = {"path": "Image", "label": "Class", "split": None, "group": None}


def entry(images, *tables, **changes):
    """An entry of `datasets`; a table is a path, or a path and changes."""
    found = []
    for table in tables:
        path, more = table if isinstance(table, tuple) else (table, {})
        found.append({"uri": str(path), "sha256": None, "split": None, "below": "", **more})
    images = images if isinstance(images, list) else str(images)
    basis = {"kind": "csv_labels", "images": images, "sha256": None, "tables": found, "columns": COLUMNS}
    return {**basis, "suffix": "", "missing": MISSING, "encoding": None, **OWN, **changes}


@pytest.fixture
def folder(tmp_path):
    """Three images without class folders."""
    (tmp_path / "images/sub").mkdir(parents=True)
    for number, name in enumerate(("1.png", "2.png", "sub/3.png")):
        (tmp_path / "images" / name).write_bytes(picture(number))
    return tmp_path / "images"


def table(folder, text, name="labels.csv"):
    """Write a table beside the images."""
    path = folder.parent / name
    path.write_text(text, encoding="utf-8")
    return path


def said(root):
    """Label and note of each row of the index."""
    return {path: (row["label"], row["note"]) for path, row in rows(root).items()}


def test_labels_come_from_the_table(tmp_path, folder):
    """By the file's path below the folder; numbers keep their zeros, blanks around a value don't count."""
    path = table(folder, "Image, Class\n1.png,007\n./2.png, 7 \nsub/3.png,7.0\n")

    source, _ = downloaded(tmp_path, entry(folder, path))

    assert said(tmp_path) == {"1.png": ("007", None), "2.png": ("7", None), "sub/3.png": ("7.0", None)}
    assert source["uri"] == "images" and source["n_images"] == 3
    assert source["tables"] == [{"uri": str(path), "sha256": digest(path)}]


def test_what_does_not_fit_is_noted(tmp_path, folder):
    """A row without a file, a file without a row, an empty label and two labels are findings of the gate, no crash."""
    path = table(folder, "Image,Class\n1.png,dog\n1.png,cat\n2.png,\nnone.png,cat\n1.png,cat\n")

    source, _ = downloaded(tmp_path, entry(folder, path))

    assert said(tmp_path) == {
        "1.png": (None, "two labels: cat, dog"),
        "2.png": (None, "no label"),
        "none.png": ("cat", "no such file"),
        "sub/3.png": (None, "no label"),
    }
    assert source["n_images"] == 3


def test_the_same_said_twice_is_said_once(tmp_path, folder):
    """Also in two tables."""
    one = table(folder, "Image,Class\n1.png,cat\n1.png,cat\n2.png,cat\nsub/3.png,dog\n")
    two = table(folder, "Image,Class\n2.png,cat\n", "more.csv")

    downloaded(tmp_path, entry(folder, one, two))

    assert {note for _, note in said(tmp_path).values()} == {None}


def test_an_image_in_two_splits_or_groups_is_noted(tmp_path, folder):
    """It can't be in both."""
    one = table(folder, "Image,Class,Who\n1.png,cat,a\n2.png,cat,a\nsub/3.png,dog,\n")
    two = table(folder, "Image,Class,Who\n2.png,cat,b\n", "more.csv")
    columns = {**COLUMNS, "group": "Who"}

    downloaded(tmp_path, entry(folder, (one, {"split": "train"}), (two, {"split": "test"}), columns=columns))

    assert said(tmp_path)["2.png"] == ("cat", "two splits: test, train; two groups: a, b")


@pytest.mark.parametrize(
    ("word", "split"),
    [("train", "train"), ("Training", "train"), ("val", "val"), ("valid", "val"), ("validation", "val"), ("dev", "val"),
     ("TEST", "test"), ("testing", "test"), ("", None)],
)  # fmt: skip
def test_the_usual_words_for_splits_are_known(tmp_path, folder, word, split):
    """In a column; group ids are text, too."""
    path = table(folder, f"Image,Class,Set,Patient\n1.png,cat,{word},0042\n2.png,cat,{word},\nsub/3.png,dog,{word},7\n")
    columns = {**COLUMNS, "split": "Set", "group": "Patient"}

    _, found = downloaded(tmp_path, entry(folder, path, columns=columns))

    assert {row["split"] for row in found.values()} == {split}
    assert [row["group"] for row in found.values()] == ["0042", None, "7"]


def test_another_word_for_a_split_is_refused(tmp_path, folder):
    """With its row and the word that was meant."""
    path = table(folder, "Image,Class,Set\n1.png,cat,train\n2.png,cat,tset\n")

    message = refusal(tmp_path, entry(folder, path, columns={**COLUMNS, "split": "Set"}))

    assert message == f"{path}, row 3: 'tset' is no split; did you mean test?"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Image,Clas\n", "column 'Class' is not there; the columns are Image, Clas; did you mean Clas?"),
        ("name;label\n", "its values are parted by semicolons; save it with commas, or with tabs and the ending .tsv"),
        ("Image\tClass\n", "its values are parted by tabs; save it with commas"),
        ("Image|Class\n", "its values are parted by vertical bars; save it with commas"),
        ("", "column 'Image' is not there; there are: none"),
        ("Image,Class,Class\n", "column 'Class' stands twice; rename one"),
        ("Image,Class\n1.png,cat\n2.png\n", "line 3 has 1 values, and the header 2"),
        ("Image,Class\n1.png,cat,dog\n", "line 2 has 3 values, and the header 2"),
        ('Image,Class\n"1.png,cat\n', "is no CSV"),
        ("Image,Class\n,cat\n", "row 2: column 'Image' is empty; write the name of the file there"),
        ("Image,Class\n../1.png,cat\n", "row 2: member '../1.png' points outside"),
        ("Image,Class\n/etc/1.png,cat\n", "row 2: '/etc/1.png' is an absolute path that does not lie in `images` ("),
        ("Image,Class\nC:\\x\\1.png,cat\n", "row 2: 'C:\\\\x\\\\1.png' is an absolute path that does not lie in"),
    ],
)
def test_a_table_that_cannot_be_right_is_refused(tmp_path, folder, text, words):
    """With the table, the place and what would be right."""
    path = table(folder, text)
    message = refusal(tmp_path, entry(folder, path))

    assert message.startswith(str(path)) and words in message


def test_a_table_in_another_encoding_is_refused(tmp_path, folder):
    """UTF-8 is the one that is read, with or without a byte order mark."""
    path = table(folder, "")
    path.write_bytes("Image,Class\n1.png,größe\n".encode("latin-1"))
    assert refusal(tmp_path, entry(folder, path)) == f"{path} is not UTF-8 at byte 21; save it as UTF-8 text"

    path.write_bytes("\ufeffImage,Class\n1.png,größe\n2.png,x\nsub/3.png,x\n".encode())
    assert downloaded(tmp_path, entry(folder, path))[1]["1.png"]["label"] == "größe"


def test_a_table_with_tabs_or_parquet_is_read(tmp_path, folder):
    """By its suffix; numbers of a parquet table are written as text."""
    tabs = table(folder, "Image\tClass\n1.png\tbig cat\n", "a.tsv")
    columns = {"Image": ["2.png", "sub/3.png"], "Class": pa.array([7, None], pa.int64())}
    pq.write_table(pa.table(columns), folder.parent / "b.parquet")

    downloaded(tmp_path, entry(folder, tabs, folder.parent / "b.parquet"))

    assert said(tmp_path) == {"1.png": ("big cat", None), "2.png": ("7", None), "sub/3.png": (None, "no label")}


def test_a_damaged_parquet_table_is_refused(tmp_path, folder):
    """It is named."""
    path = table(folder, "no parquet", "a.parquet")

    assert refusal(tmp_path, entry(folder, path)).startswith(f"{path} is no parquet table")


def test_an_ending_is_added_where_there_is_none(tmp_path, folder):
    """The name 1 means 1.png, and 2.png stays; v1.2 has no ending of an image."""
    (folder / "v1.2.png").write_bytes(picture(9))
    path = table(folder, "Image,Class\n1,cat\n2.png,cat\nsub/3,cat\nv1.2,cat\n")

    downloaded(tmp_path, entry(folder, path, suffix=".png"))

    assert {note for _, note in said(tmp_path).values()} == {None}


def test_images_may_lie_in_archives(tmp_path):
    """One zip, or train.zip and test.tar, each with its own table."""
    files = {"1.png": picture(1), "2.png": picture(2)}
    zipped(tmp_path / "train.zip", files)
    tar_of(*files.items())(tmp_path / "test.tar")
    one = table(tmp_path / "x", "Image,Class\n1.png,cat\n2.png,dog\n", "train.csv")
    two = table(tmp_path / "x", "Image,Class\n1.png,dog\n2.png,cat\n", "test.csv")
    tables = [(one, {"split": "train", "below": "train"}), (two, {"split": "test", "below": "test"})]
    uris = [str(tmp_path / "train.zip"), str(tmp_path / "test.tar")]

    source, found = downloaded(tmp_path, entry(uris, *tables))

    assert {path: (row["label"], row["split"]) for path, row in found.items()} == {
        "test/1.png": ("dog", "test"),
        "test/2.png": ("cat", "test"),
        "train/1.png": ("cat", "train"),
        "train/2.png": ("dog", "train"),
    }
    assert [archive["uri"] for archive in source["archives"]] == uris
    source, _ = downloaded(tmp_path, entry(uris[0], one))
    assert source["sha256"] == digest(tmp_path / "train.zip") and source["n_images"] == 2


def test_what_says_the_same_shares_its_place(tmp_path, folder):
    """A million rows of ten classes hold ten labels in memory, not a million."""
    from stages.datasets.csv_labels import Row, add_rows

    found: dict = {}
    add_rows(found, ((f"{n}.png", Row("cat" if n % 2 else "dog", "", "")) for n in range(1000)))

    assert len({id(rows) for rows in found.values()}) == 2


@pytest.mark.slow
def test_the_recipe_reads_the_published_shape(project):
    """generated100_cnn: a CSV a split with the columns Image and Class beside the folders of images, as a user runs it."""
    root, counts = project.root, {"train": 13, "val": 2, "test": 5}
    for split, n_images in counts.items():
        folder = root / "generated100" / split
        folder.mkdir(parents=True)
        for number in range(n_images):
            (folder / f"{split}_{number}.png").write_bytes(picture(number))
        lines = [f"{split}_{number}.png,{number % 3:02d}" for number in range(n_images)]
        (root / f"generated100/{split}.csv").write_text("\n".join(["Image,Class", *lines]) + "\n")

    project.command("use", "generated100_cnn")
    done = project.stage("download")

    source = json.loads((root / "data/source/source.json").read_text())
    found = rows(root).values()
    assert "download: 20 images" in done.stderr and source["n_images"] == 20
    assert {split: sum(row["split"] == split for row in found) for split in counts} == counts
    assert {row["label"] for row in found} == {"00", "01", "02"} and {row["note"] for row in found} == {None}


def test_a_table_may_name_images_of_any_ending_or_none(tmp_path, folder):
    """What lies there begins as an image: that decides. The rest is counted."""
    for name in ("4.jfif", "5.dat", "6"):
        (folder / name).write_bytes(picture(int(name[0])))
    (folder / "7.txt").write_text("seven")
    path = table(folder, "Image,Class\n4.jfif,cat\n5.dat,dog\n6,dog\n")

    source, _ = downloaded(tmp_path, entry(folder, path))

    assert {name: said(tmp_path)[name] for name in ("4.jfif", "5.dat", "6")} == {
        "4.jfif": ("cat", None),
        "5.dat": ("dog", None),
        "6": ("dog", None),
    }
    assert source["left_out"] == {".txt": 1}


def test_an_absolute_path_below_the_images_is_taken(tmp_path, folder):
    """0.1 said of it that it points outside."""
    path = table(folder, f"Image,Class\n{folder}/1.png,cat\n{folder}/sub/3.png,dog\n2.png,dog\n")

    downloaded(tmp_path, entry(folder, path))

    assert said(tmp_path) == {"1.png": ("cat", None), "2.png": ("dog", None), "sub/3.png": ("dog", None)}


@pytest.mark.parametrize("word", ["NaN", "nan", "None", "NA", "null", "<NA>", " n/a ", "\u200b", ""])
def test_a_word_for_nothing_is_no_class(tmp_path, folder, word):
    """0.1 made a class of it; in a column of groups it tied all such images together."""
    path = table(folder, f"Image,Class,Who\n1.png,{word},{word}\n2.png,cat,{word}\nsub/3.png,dog,7\n")

    _, found = downloaded(tmp_path, entry(folder, path, columns={**COLUMNS, "group": "Who"}))

    assert said(tmp_path)["1.png"] == (None, "no label")
    assert [row["group"] for row in found.values()] == [None, None, "7"]


def test_a_class_may_be_called_na(tmp_path, folder):
    """Where params.yaml says that no word stands for nothing."""
    path = table(folder, "Image,Class\n1.png,NA\n2.png,None\nsub/3.png,nan\n")

    downloaded(tmp_path, entry(folder, path, missing=[]))

    assert [label for label, _ in said(tmp_path).values()] == ["NA", "None", "nan"]


@pytest.mark.parametrize("labels", [("0.0", "", "1.0"), ("0.0", "nan", "1.00")])
def test_integers_that_were_written_as_floats_are_integers(tmp_path, folder, labels):
    """As pandas writes a column of them with a missing one; decimals and versions beside them stay."""
    path = table(
        folder,
        "Image,Class\n" + "".join(f"{n},{v}\n" for n, v in zip(["1.png", "2.png", "sub/3.png"], labels, strict=True)),
    )

    downloaded(tmp_path, entry(folder, path))

    assert [label for label, _ in said(tmp_path).values()] == ["0", None, "1"]


def test_a_float_of_parquet_is_read_as_in_a_csv(tmp_path, folder):
    """NaN and null are no label, 1.0 is 1."""
    columns = {"Image": ["1.png", "2.png", "sub/3.png"], "Class": pa.array([1.0, float("nan"), None], pa.float64())}
    pq.write_table(pa.table(columns), folder.parent / "b.parquet")

    downloaded(tmp_path, entry(folder, folder.parent / "b.parquet", missing=[]))

    assert [label for label, _ in said(tmp_path).values()] == ["1", None, None]


def test_labels_that_are_the_same_to_a_reader_are_one(tmp_path, folder):
    """Unicode's two ways to write é, no-break and doubled blanks, zero-width characters."""
    path = table(
        folder,
        "Image,Class\n1.png,caf\u00e9 au lait\n2.png,cafe\u0301\u00a0au  lait\nsub/3.png,caf\u00e9 au\u200b lait\n",
    )

    downloaded(tmp_path, entry(folder, path))

    assert {label for label, _ in said(tmp_path).values()} == {"caf\u00e9 au lait"}


def test_no_ending_may_be_null(tmp_path, folder):
    """As everywhere else in params.yaml."""
    path = table(folder, "Image,Class\n1.png,cat\n2.png,cat\nsub/3.png,dog\n")

    assert downloaded(tmp_path, entry(folder, path, suffix=None))[0]["n_images"] == 3


def test_a_row_without_an_ending_means_the_file_that_has_one(folder, tmp_path):
    """Kaggle's `id` columns leave it out; the files of one set may differ in it."""
    (folder / "2.png").rename(folder / "2.JPG")
    (folder / "a.b.png").write_bytes(picture(7))
    path = table(folder, "Image,Class\n1,cat\n2,dog\nsub/3,cat\na.b,dog\n")

    downloaded(tmp_path, entry(folder, path, suffix=None))

    assert said(tmp_path) == {
        "1.png": ("cat", None), "2.JPG": ("dog", None), "a.b.png": ("dog", None), "sub/3.png": ("cat", None)
    }  # fmt: skip


def test_empty_rows_of_a_spreadsheet_are_no_rows(folder, tmp_path):
    """Nor are its empty columns: both stand below and beside what Excel saves."""
    path = table(folder, "Image,Class,,\n1.png,cat,,\n ,,,\n2.png,dog,,\nsub/3.png,cat,,\n,,,\n,\n\n")

    downloaded(tmp_path, entry(folder, path))

    assert said(tmp_path) == {"1.png": ("cat", None), "2.png": ("dog", None), "sub/3.png": ("cat", None)}
