"""Rows of answers: the same in CSV, JSON and parquet, and harmless in a spreadsheet."""

import json

import numpy as np
import pandas as pd
import pytest

from stages.core.errors import UserError
from stages.core.serving.streaming import Answer
from stages.core.serving.telling import csv_lines, json_lines, lines, told, write
from tests.core.serving.asked import model

PIXELS = np.zeros((4, 4, 1), np.uint8)
ANSWERS = [
    Answer("a.png", np.array([0.2, 0.7, 0.1], np.float32), PIXELS),
    Answer("=cmd,x.png", np.array([0.3, 0.3, 0.4], np.float32), PIXELS),
    Answer("bad.png", None, None, "the file is empty"),
]


def rows(top=2):
    return [told(answer, model(threshold=0.5), top) for answer in ANSWERS]


def test_a_row_says_label_confidence_whether_it_is_sure_and_the_next():
    """By hand; the threshold is 0.5. An unreadable image has a reason and nothing else."""
    first, second, bad = rows()

    assert (first["label"], first["sure"], second["label"], second["sure"]) == ("dog", True, "=owl", False)
    assert first["confidence"] == pytest.approx(0.7) and [one["label"] for one in first["top"]] == ["dog", "cat"]
    assert bad == {
        "image": "bad.png",
        "label": None,
        "confidence": None,
        "sure": None,
        "top": [],
        "error": "the file is empty",
    }


def test_equal_probabilities_are_told_in_the_order_of_the_classes():
    """As evaluate does, which takes the first of the largest."""
    answer = Answer("a", np.array([0.25, 0.25, 0.5], np.float32), PIXELS)

    assert [one["label"] for one in told(answer, model(), 3)["top"]] == ["=owl", "cat", "dog"]


def test_csv_holds_a_line_an_image_and_no_formula():
    """A name or a class that a spreadsheet would calculate gets an apostrophe; a comma in a name is quoted."""
    assert list(csv_lines(rows(), 2)) == [
        "image,label,confidence,sure,label_2,confidence_2,error\n",
        "a.png,dog,0.7,true,cat,0.2,\n",
        "\"'=cmd,x.png\",'=owl,0.4,false,cat,0.3,\n",
        "bad.png,,,,,,the file is empty\n",
    ]


def test_json_is_one_array():
    """What is read is what was said; nothing said is an empty array."""
    assert json.loads("".join(json_lines(rows()))) == rows()
    assert json.loads("".join(json_lines([]))) == []


def test_all_three_files_hold_the_same(tmp_path):
    """Names, labels, confidences, whether sure, errors."""
    for kind in ("csv", "json", "parquet"):
        write(iter(rows()), kind, 2, tmp_path / f"out.{kind}")
    table, parquet = pd.read_csv(tmp_path / "out.csv"), pd.read_parquet(tmp_path / "out.parquet")
    found = json.loads((tmp_path / "out.json").read_text())

    assert list(table) == list(parquet) == ["image", "label", "confidence", "sure", "label_2", "confidence_2", "error"]
    assert list(parquet["image"]) == [row["image"] for row in found] == [answer.name for answer in ANSWERS]
    assert list(parquet["sure"]) == [True, False, None]
    np.testing.assert_allclose(table["confidence_2"], parquet["confidence_2"], rtol=1e-5)


def test_a_file_is_whole_or_not_there(tmp_path):
    """What fails half-way leaves what was there before."""
    (tmp_path / "out.csv").write_text("before")

    def failing():
        yield rows()[0]
        raise UserError("the archive is damaged")

    with pytest.raises(UserError, match="damaged"):
        write(failing(), "csv", 2, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "before" and len(list(tmp_path.iterdir())) == 1


def test_parquet_is_no_text():
    """It needs a file."""
    with pytest.raises(UserError, match="--out"):
        lines(rows(), "parquet", 2)
