"""no_shortcut: each group of trivial features is told when it gives a class away, and only then."""

import numpy as np
import pandas as pd
import pytest

from stages.checks.no_shortcut import informedness, name_shape
from tests import gate


def told(tmp_path, files):
    """Groups of features that give the class away, with what they give, and their severity."""
    found = gate.inspected(tmp_path, files, "no_shortcut")
    broken = gate.broken(found, "no_shortcut")
    assert {finding.severity for finding in broken} <= {"warning"} and not any(finding.examples for finding in broken)
    return {finding.message.split(" alone")[0]: finding.observed for finding in broken}


NAMES = {
    "encoder": "quantization, format, mode, bits",
    "size": "width, height",
    "file_size": "n bytes, bytes per pixel",
    "colour": "red, green, blue, brightness, contrast",
    "name": "name pattern, name length",
}


def test_another_quality_gives_a_class_away(tmp_path):
    """One class saved at JPEG quality 60 is told from the rest, and what the others are called does not matter."""
    files = gate.clean() | {f"elm/{i:03}.jpg": gate.jpeg(1, i, quality=60) for i in range(20)}

    assert told(tmp_path, files)[NAMES["encoder"]] == 1


def test_three_qualities_give_every_class_away(tmp_path):
    """By the table and by the bytes."""
    files = {
        f"{name}/{i}.jpg": gate.jpeg(k, i, (50, 75, 95)[k]) for k, name in enumerate(gate.LABELS) for i in range(20)
    }

    assert told(tmp_path, files) == {NAMES["encoder"]: 1, NAMES["file_size"]: 1}


def test_another_size_gives_a_class_away(tmp_path):
    """One class is two pixels narrower."""
    files = gate.clean() | {f"elm/{i:03}.jpg": gate.encoded(gate.picture(1, i)[:, 2:]) for i in range(20)}

    assert told(tmp_path, files)[NAMES["size"]] == 1


def test_another_colour_gives_the_classes_away(tmp_path):
    """A red class, a green one and a blue one."""
    files = {}
    for name in gate.clean():
        label = gate.LABELS.index(name[:3])
        files[name] = gate.encoded(
            (gate.picture(label, int(name[4:7])) * (0.5 + 0.5 * np.eye(3)[label])).astype(np.uint8)
        )

    assert told(tmp_path, files)[NAMES["colour"]] > 0.9


def test_another_habit_of_naming_gives_a_class_away(tmp_path):
    """One class is called scan_001, the others 001."""
    files = {name.replace("oak/", "oak/scan_"): data for name, data in gate.clean().items()}

    assert told(tmp_path, files) == {NAMES["name"]: 1.0}


def test_the_name_of_the_class_in_the_file_is_no_shortcut(tmp_path):
    """ash/ash_001.jpg, elm/ELM_001.jpg: the label stands in the folder anyway, and no picture holds its name."""
    files = {
        f"{name[:4]}{name[:3].upper() if name[0] == 'e' else name[:3]}_{name[4:]}": data
        for name, data in gate.clean().items()
    }

    assert told(tmp_path, files) == {}


@pytest.mark.parametrize(
    ("path", "shape"), [("ash/IMG_0012.JPG", "img_0.jpg"), ("a/ash/Ash-7-ash.png", "-0-.png"), ("007.jpg", "0.jpg")]
)
def test_the_shape_of_a_name(path, shape):
    """Folders and the class fall away, and every number is a zero."""
    assert name_shape(path, "ash") == shape


TRUTH = np.repeat([0, 1, 2], 10)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (TRUTH, [1, 1, 1]),  # the classes themselves
        (np.zeros(30), [0, 0, 0]),  # nothing
        (TRUTH == 0, [1, 0.5, 0]),  # the first; of the others all are named 1, which is wrong for 10 of 20
    ],
)
def test_informedness_by_hand(values, expected):
    """0 for guessing, 1 for knowing."""
    assert informedness(pd.DataFrame({"x": values}), TRUTH, seed=1) == pytest.approx(expected)


def test_informedness_does_not_count_the_larger_class():
    """Always naming a class of 90 in 100 is right 90 times and knows nothing."""
    assert informedness(pd.DataFrame({"x": np.zeros(100)}), np.repeat([0, 1], [90, 10]), seed=1).tolist() == [0, 0]
