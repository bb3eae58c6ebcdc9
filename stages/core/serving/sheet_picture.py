"""The sheet as one picture, for a chat or a slide."""

from typing import Any

from stages.core.plain_text import visible
from stages.core.serving.sheet import SIDE, Sheet, enlarged

ACROSS = 8  # pictures in a row
GAP, LINE, LETTERS = 8, 13, 19  # pixels; pixels a line of text; letters of one below a picture
INK, SOFT, DOUBT, PAPER = "#1d2430", "#5b6676", "#8a5a00", "#ffffff"


def picture(sheet: Sheet) -> Any:
    """A Pillow image of the sheet."""
    from PIL import Image, ImageDraw

    rows = sheet.rows
    across = min(ACROSS, max(len(rows), 4))
    width, height = SIDE + GAP, SIDE + 3 * LINE + GAP
    down = -(-len(rows) // across)
    image = Image.new("RGB", (across * width + GAP, 2 * GAP + 2 * LINE + down * height), PAPER)
    pen = ImageDraw.Draw(image)
    write(pen, (GAP, GAP), cut(sheet.heading, across * LETTERS), INK)
    if sheet.n_bad:
        write(pen, (GAP, GAP + LINE), f"{sheet.n_bad:,} more can't be read", DOUBT)
    for at, (row, pixels) in enumerate(rows):
        left, top = GAP + at % across * width, 2 * GAP + 2 * LINE + at // across * height
        image.paste(enlarged(pixels).convert("RGB"), (left, top))
        below = top + SIDE + 1
        ink, sure = (DOUBT, ", not sure") if row["sure"] is False else (INK, "")
        write(pen, (left, below), cut(row["label"]), ink)
        write(pen, (left, below + LINE), f"{100 * row['confidence']:.1f} %{sure}", ink)
        write(pen, (left, below + 2 * LINE), cut(row["image"].rpartition("/")[2]), SOFT)
    return image


def write(pen: Any, place: tuple[int, int], text: str, ink: str) -> None:
    """Draw one line of text."""
    from PIL import ImageFont

    pen.text(place, text, fill=ink, font=ImageFont.load_default(11))


def cut(text: str, most: int = LETTERS) -> str:
    """A text of at most so many letters, none of which moves the pen."""
    one_line = visible(text).replace("\n", " ")
    return one_line if len(one_line) <= most else f"{one_line[: most - 1]}…"
