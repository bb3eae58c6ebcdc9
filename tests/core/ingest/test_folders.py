"""Folders say class and split where their names leave no doubt, and are asked about where they do."""

import pytest

from stages.core.errors import UserError
from stages.core.ingest.folders import FolderRules, placements, split_of_name

CAT_DOG = ("cat", "dog")


def placed(*folders, **rules):
    """Class and split of each folder."""
    return placements(dict.fromkeys(folders), FolderRules(**rules))


def refused(*folders, **rules):
    """What is said of folders that leave something open."""
    with pytest.raises(UserError) as error:
        placed(*folders, **rules)
    return str(error.value)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"), ("Training", "train"), ("training_set", "train"), ("train_images", "train"),
        ("images-train", "train"), ("TrainingSet", "train"), ("trainset", "train"), ("TRAIN", "train"),
        ("train2017", "train"), ("seg_train", "train"), ("seg_test", "test"), ("test_set", "test"),
        ("Testing", "test"), ("testset", "test"), ("test1", "test"), ("val2017", "val"), ("valid", "val"),
        ("validation", "val"), ("dev", "val"), ("valset", "val"), ("Validation Images", "val"), ("dataset_val", "val"),
        ("trainval", None), ("train_val", None), ("test_tube", None), ("training_shoes", None), ("strain", None),
        ("latest", None), ("images", None), ("2017", None), ("", None), ("тест", None), ("train_犬", None), ("cat", None),
    ],
)  # fmt: skip
def test_a_split_is_known_by_its_words(name, split):
    """One of the usual words, and beside it only words such as set or images, and numbers."""
    assert split_of_name(name) == split


def test_split_folders_of_other_names_are_kept():
    """0.1 mixed these: images of the test set went to train."""
    folders = [f"{split}/{label}" for split in ("training_set", "test_set") for label in CAT_DOG]

    assert placed(*folders) == {
        "training_set/cat": ("cat", "train"), "training_set/dog": ("dog", "train"),
        "test_set/cat": ("cat", "test"), "test_set/dog": ("dog", "test"),
    }  # fmt: skip


def test_splits_may_stand_below_the_classes():
    """0.1 made the classes train and test of them."""
    folders = [f"{label}/{split}" for split in ("train", "test") for label in CAT_DOG]

    assert set(placed(*folders).values()) == {("cat", "train"), ("dog", "train"), ("cat", "test"), ("dog", "test")}


def test_one_common_folder_above_changes_nothing():
    """As archives often have one; also a split folder twice, as Intel's images have it."""
    assert placed("set/cat", "set/dog") == {"set/cat": ("cat", None), "set/dog": ("dog", None)}
    assert placed("x/seg_train/seg_train/cat", "x/seg_test/seg_test/cat") == {
        "x/seg_train/seg_train/cat": ("cat", "train"),
        "x/seg_test/seg_test/cat": ("cat", "test"),
    }


@pytest.mark.parametrize("outer", [("part1", "part2"), ("a", "b"), ("2017", "2018")])
def test_outer_folders_that_repeat_the_classes_are_asked_about(outer):
    """They may be splits: each way out is named, and each is taken."""
    folders = [f"{part}/{label}" for part in outer for label in CAT_DOG]
    message = refused(*folders)

    assert "folders called 'cat', 'dog' stand in several folders" in message
    assert all(word in message for word in ("`class_depth: -1`", "`class_depth: 1`", f"`splits: {{{outer[0]}: train"))
    assert set(placed(*folders, splits={outer[0]: "train", outer[1]: "test"}).values()) == {
        ("cat", "train"), ("dog", "train"), ("cat", "test"), ("dog", "test"),
    }  # fmt: skip
    assert set(placed(*folders, class_depth=-1).values()) == {("cat", None), ("dog", None)}


def test_folders_inside_classes_are_asked_about():
    """0.1 took batch1 and batch2 for the classes, half cats each."""
    folders = [f"{label}/batch{n}" for label in CAT_DOG for n in (1, 2)]

    assert "folders called 'batch1', 'batch2' stand in several folders ('cat', 'dog')" in refused(*folders)
    assert set(placed(*folders, class_depth=1).values()) == {("cat", None), ("dog", None)}
    below = [f"{split}/{folder}" for split in ("train", "val") for folder in folders]
    assert set(placed(*below, class_depth=1).values()) == {(c, s) for c in CAT_DOG for s in ("train", "val")}


@pytest.mark.parametrize("folders", [("cat/young", "dog"), ("cat", "cat/young", "dog"), ("x/a/cat", "x/dog")])
def test_mixed_depths_are_asked_about(folders):
    """Folders within one class only, images beside them, a class deeper than the others."""
    message = refused(*folders)

    assert "images lie at different depths" in message and "`class_depth: 1`" in message
    assert placed("cat/young", "dog", class_depth=1) == {"cat/young": ("cat", None), "dog": ("dog", None)}


def test_images_above_the_classes_are_refused():
    """In the outermost folder, and in a split beside class folders."""
    assert "an image in the outermost folder lies in no class folder" in refused("", "cat")
    assert "an image in train/ lies in no class folder" in refused("train", "train/cat", "test/cat")
    assert "an image in train/ lies in no class folder" in refused("train", "test")


def test_a_class_may_be_called_train():
    """Between bus and car it is one; alone in a set with params.yaml's word; and within splits."""
    assert placed("train", "bus", "car")["train"] == ("train", None)
    found = placed("train/train", "train/bus", "test/train", "test/bus")
    assert found["train/train"] == ("train", "train") and found["test/train"] == ("train", "test")
    assert "if 'train' is a class and no split, say in the entry of `datasets` `splits: {train: null}`" in refused(
        "train"
    )
    assert placed("train", splits={"train": None}) == {"train": ("train", None)}


def test_one_class_is_no_matter_of_folders():
    """The gate's check `enough` says that it is too few."""
    assert placed("cat") == {"cat": ("cat", None)}


def test_images_in_no_split_beside_others_are_asked_about():
    """Such as those of no class that come with a published set: they can be left out."""
    folders = ("seg_train/cat", "seg_test/cat", "seg_pred")

    assert "seg_pred/ lies in no split folder, and other images do (test, train)" in refused(*folders)
    assert placed(*folders, splits={"seg_pred": "skip"})["seg_pred"] is None
    assert placed("train/cat", "more", splits={"more": None})["more"] == ("more", None)


def test_a_set_without_images_to_train_on_is_refused():
    """One outer folder called like a test split hides nothing."""
    assert "all images are in test and none to train on" in refused("test_data/cat", "test_data/dog")
    assert placed("test_data/cat", splits={"test_data": None}) == {"test_data/cat": ("cat", None)}


def test_two_splits_above_one_image_are_asked_about():
    """Nobody can say which is meant."""
    assert "train/test/cat lies in folders of two splits (test, train)" in refused("train/test/cat", "train/cat")


def test_too_few_folders_for_the_class_are_refused():
    """With the depth that was asked for and the one that is there."""
    assert refused("train/cat", class_depth=2) == (
        "an image in train/cat/ has 1 folder above it, not counting splits; class_depth is 2"
    )


def test_a_class_is_called_as_a_reader_sees_it():
    """Blanks of any kind are one blank, invisible characters none."""
    assert placed("big\u00a0 cat\u200b ") == {"big\u00a0 cat\u200b ": ("big cat", None)}
