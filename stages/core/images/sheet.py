"""A sheet of pictures as one PNG: small pictures in rows, each with a few words below it."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.files import replaced
from stages.core.images.thumbnails import fitted
from stages.core.plain_text import visible

TILE, GAP, LINE, SIZE = 96, 8, 15, 12  # pixels: a picture, the space between two, a line of text, its letters
PAPER, INK, BLANK = "white", "black", "lightgrey"


@dataclass(frozen=True)
class Tile:
    """A picture uint8 [H, W, 1 or 3], None where it can't be read, and the lines below it, in an ink."""

    pixels: np.ndarray | None
    lines: tuple[str, ...]
    ink: str = INK


def write_sheet(path: Path, rows: list[tuple[str, list[Tile]]], columns: int) -> None:
    """Write titled rows of tiles below each other, each continued after `columns` tiles; "" is no title.

    Equal tiles give equal bytes. No tiles give a sheet that says so.
    """
    from PIL import Image, ImageDraw

    placed, height = arranged(rows, columns)
    width = GAP + max(4, min(columns, max((len(tiles) for _, tiles in rows), default=0))) * (TILE + GAP)
    sheet = Image.new("RGB", (width, max(height, LINE + 2 * GAP)), PAPER)
    draw = ImageDraw.Draw(sheet)
    for (left, top), item in placed:
        if isinstance(item, str):
            draw.text((left, top), shortened(item, width - 2 * GAP), INK, font())
        else:
            draw_tile(sheet, draw, (left, top), item)
    if not placed:
        draw.text((GAP, GAP), "none", INK, font())
    with replaced(path) as temporary:
        sheet.save(temporary, "png", optimize=True)


def arranged(rows: list[tuple[str, list[Tile]]], columns: int) -> tuple[list[tuple[tuple[int, int], Any]], int]:
    """Places (left, top) of all titles and tiles, and the height of all."""
    placed: list[tuple[tuple[int, int], Any]] = []
    top = GAP
    for title, tiles in rows:
        if title:
            placed.append(((GAP, top), title))
            top += LINE + 2
        for start in range(0, len(tiles), columns):
            some = tiles[start : start + columns]
            placed += [((GAP + place * (TILE + GAP), top), tile) for place, tile in enumerate(some)]
            top += TILE + LINE * max(len(tile.lines) for tile in some) + GAP
    return placed, top


def draw_tile(sheet: Any, draw: Any, place: tuple[int, int], tile: Tile) -> None:
    """Draw a picture in the middle of its square, and its lines below; a grey square for none."""
    left, top = place
    if tile.pixels is None:
        draw.rectangle((left, top, left + TILE - 1, top + TILE - 1), BLANK)
    else:
        image = fitted(tile.pixels, TILE)
        sheet.paste(image, (left + (TILE - image.width) // 2, top + (TILE - image.height) // 2))
    for number, line in enumerate(tile.lines):
        draw.text((left, top + TILE + number * LINE), shortened(line, TILE + GAP - 2), tile.ink, font())


@cache
def font() -> Any:
    """The letters that matplotlib brings along: the same on every machine."""
    from matplotlib import get_data_path
    from PIL import ImageFont

    return ImageFont.truetype(f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf", SIZE, layout_engine=ImageFont.Layout.BASIC)


def shortened(text: str, width: int) -> str:
    """A text cut to a width in pixels, with … for what is left out."""
    line = visible(" ".join(text.split()))
    if font().getlength(line) <= width:
        return line
    while line and font().getlength(f"{line}…") > width:
        line = line[:-1]
    return f"{line}…"
