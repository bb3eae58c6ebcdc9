"""A sheet of pictures with what the model says of each: those it is least sure of, as it sees them."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.errors import UserError
from stages.core.files import write_text
from stages.core.images.sheet import INK, Tile
from stages.core.images.sheet import write_sheet as write_png
from stages.core.images.thumbnails import data_uri
from stages.core.reporting.pages import render
from stages.core.serving.streaming import Answer
from stages.core.serving.telling import Row

MOST = 200  # pictures
MOST_BAD = 100  # names of files that can't be read
SIDE = 112  # pixels of a picture on the page
ACROSS, DOUBT = 8, "#8a5a00"  # pictures in a row of the PNG; the colour of what is not sure
SUFFIXES = (".png", ".html")


@dataclass
class Sheet:
    """What will stand on the sheet: of all answers so far, those of the lowest confidence."""

    model: str
    threshold: float | None
    n_seen: int = 0
    n_bad: int = 0
    unsure: list[tuple[float, int, Row, np.ndarray]] = field(default_factory=list)
    bad: list[Row] = field(default_factory=list)
    order: Iterator[int] = field(default_factory=count)

    def add(self, answer: Answer, row: Row) -> None:
        """Take notice of one more answer."""
        self.n_seen += 1
        if answer.pixels is None:
            self.n_bad += 1
            self.bad += [row] if self.n_bad <= MOST_BAD else []
            return
        entry = (-row["confidence"], -next(self.order), row, answer.pixels)
        push = heapq.heappushpop if len(self.unsure) == MOST else heapq.heappush
        push(self.unsure, entry)

    @property
    def rows(self) -> list[tuple[Row, np.ndarray]]:
        """Rows with their pixels, the least sure first."""
        ordered = sorted(self.unsure, key=lambda entry: (-entry[0], -entry[1]))
        return [(row, pixels) for _, _, row, pixels in ordered]

    @property
    def heading(self) -> str:
        """What the sheet shows."""
        n_readable = self.n_seen - self.n_bad
        which = f"{n_readable:,} images" if n_readable <= MOST else f"the {MOST} least sure of {n_readable:,} images"
        return f"What {self.model} says of {which}"


def check_suffix(path: Path | None) -> None:
    """Raise UserError for a sheet of another kind."""
    if path and path.suffix.lower() not in SUFFIXES:
        raise UserError(f"--sheet {path}: its name must end in {' or '.join(SUFFIXES)}")


def write_sheet(sheet: Sheet, path: Path) -> None:
    """Write the sheet as its name says. Raises UserError for another ending than SUFFIXES."""
    check_suffix(path)
    if path.suffix.lower() == ".html":
        write_text(path, page(sheet))
        return
    draw(sheet, path)


def page(sheet: Sheet) -> str:
    """The sheet as one HTML file."""
    shown: list[dict[str, Any]] = [row | {"picture": data_uri(pixels, SIDE)} for row, pixels in sheet.rows]
    return render("sheet.html", sheet=sheet, shown=shown)


def draw(sheet: Sheet, path: Path) -> None:
    """Write the sheet as one picture, for a chat or a slide."""
    unread = [(f"{sheet.n_bad:,} more can't be read", list[Tile]())] if sheet.n_bad else []
    write_png(path, [(sheet.heading, [tile(row, pixels) for row, pixels in sheet.rows]), *unread], ACROSS)


def tile(row: Row, pixels: np.ndarray) -> Tile:
    """A picture with its class, how sure that is, and the name of its file."""
    ink, sure = (DOUBT, ", unsure") if row["sure"] is False else (INK, "")
    name = row["image"].rpartition("/")[2]
    return Tile(pixels, (row["label"], f"{100 * row['confidence']:.1f} %{sure}", name), ink)
