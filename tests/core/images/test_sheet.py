"""A sheet of pictures."""

import numpy as np
import pytest
from PIL import Image

from stages.core.images.sheet import GAP, TILE, Tile, font, shortened, write_sheet

RED = np.full((8, 8, 3), (255, 0, 0), np.uint8)


def read(path):
    return np.asarray(Image.open(path).convert("RGB"))


def test_pictures_stand_in_rows(tmp_path):
    """Six tiles at five a row: the sixth begins a second row; small pictures are enlarged to fill their place."""
    write_sheet(tmp_path / "sheet.png", [("", [Tile(RED, ("a", "b"))] * 6)], 5)
    got = read(tmp_path / "sheet.png")

    assert got.shape[1] == GAP + 5 * (TILE + GAP)
    assert (got[GAP : GAP + TILE, GAP : GAP + TILE] == (255, 0, 0)).all()
    below = got[GAP + TILE :]
    assert (below == (255, 0, 0)).all(axis=2).sum() == TILE * TILE


def test_an_unreadable_picture_is_a_grey_square(tmp_path):
    """And its words are below it."""
    write_sheet(tmp_path / "sheet.png", [("a title", [Tile(None, ("no image",))])], 5)
    got = read(tmp_path / "sheet.png")

    assert (got == (211, 211, 211)).all(axis=2).sum() >= TILE * TILE
    assert (got == 0).all(axis=2).any()


def test_no_tiles_say_so(tmp_path):
    """An empty sheet is a picture, too."""
    write_sheet(tmp_path / "sheet.png", [], 5)

    assert (read(tmp_path / "sheet.png") < 100).any()


def test_equal_tiles_give_equal_bytes(tmp_path):
    """No time is in the file."""
    for name in ("a.png", "b.png"):
        write_sheet(tmp_path / name, [("x", [Tile(RED, ("1",))])], 2)

    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    "text", ["short", "a very long name of a class that nobody could read", "two\nlines", "大きな名前" * 9]
)
def test_long_texts_are_cut(text):
    """To the width of a tile, and never over two lines."""
    got = shortened(text, TILE)

    assert font().getlength(got) <= TILE
    assert "\n" not in got
