"""The sheet of pictures: the least sure first, names escaped, whatever is asked for by its ending."""

import numpy as np
import pytest
from PIL import Image

from stages.core.errors import UserError
from stages.core.images.sheet import TILE
from stages.core.serving.sheet import MOST, Sheet, write_sheet
from stages.core.serving.streaming import Answer
from stages.core.serving.telling import told
from tests.core.serving.asked import ByLight, model


def sheet_of(lights, threshold=0.75, bad=()):
    sheet = Sheet("plain", threshold)
    for at, light in enumerate(lights):
        pixels = np.full((4, 4, 1), light, np.uint8)
        answer = Answer(f"<b>{at}.png", ByLight().predict(pixels[None])[0], pixels)
        sheet.add(answer, told(answer, model(threshold), 2))
    for name in bad:
        sheet.add(Answer(name, None, None, "<i>broken"), told(Answer(name, None, None, "<i>broken"), model(), 2))
    return sheet


def test_the_least_sure_are_shown_first():
    """Of more than fit, the least sure; of equal ones, the first asked."""
    lights = [255] * 300 + [110, 120, 110]
    names = [row["image"] for row, _ in sheet_of(lights).rows]

    assert len(names) == MOST and names[:4] == ["<b>300.png", "<b>302.png", "<b>301.png", "<b>0.png"]
    assert sheet_of(lights).heading == f"What plain says of the {MOST} least sure of 303 images"


def test_the_page_escapes_names_and_says_what_is_not_sure(tmp_path):
    """No file name, class or reason becomes markup; unreadable ones are listed."""
    write_sheet(sheet_of([255, 120], bad=["<u>x.png"]), tmp_path / "sheet.html")
    text = (tmp_path / "sheet.html").read_text()

    assert "&lt;b&gt;0.png" in text and "&lt;u&gt;x.png" in text and "&lt;i&gt;broken" in text
    assert not any(tag in text for tag in ("<b>", "<u>", "<i>"))
    assert text.count("data:image/png") == 2 and text.count("not sure") == 2


def test_the_picture_has_a_place_for_each(tmp_path):
    """200 images in rows of 8; no images at all are a picture, too."""
    write_sheet(sheet_of(range(200)), tmp_path / "sheet.png")
    write_sheet(sheet_of([], bad=["x"]), tmp_path / "none.png")
    with Image.open(tmp_path / "sheet.png") as image, Image.open(tmp_path / "none.png") as none:
        assert image.width > 8 * TILE and image.height > 25 * TILE and none.width > TILE


def test_another_ending_is_refused(tmp_path):
    """Before anything is written."""
    with pytest.raises(UserError, match=r"must end in \.png or \.html"):
        write_sheet(sheet_of([1]), tmp_path / "sheet.pdf")
