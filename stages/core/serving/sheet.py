"""A sheet of pictures with what the model says of each: those it is least sure of, as it sees them."""

import base64
import heapq
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from stages.core.errors import UserError
from stages.core.files import replaced, write_text
from stages.core.reporting.pages import render
from stages.core.serving.streaming import Answer
from stages.core.serving.telling import Row

MOST = 200  # pictures
MOST_BAD = 100  # names of files that can't be read
SIDE = 112  # pixels of a picture
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
    from stages.core.serving.sheet_picture import picture

    with replaced(path) as temporary:
        picture(sheet).save(temporary, "png")


def page(sheet: Sheet) -> str:
    """The sheet as one HTML file."""
    shown: list[dict[str, Any]] = [row | {"picture": data_uri(pixels)} for row, pixels in sheet.rows]
    return render("sheet.html", sheet=sheet, shown=shown)


def enlarged(pixels: np.ndarray) -> Any:
    """uint8 [H, W, C] as a Pillow image whose longer side is about SIDE; small ones keep their hard edges."""
    from PIL import Image

    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    longer = max(image.size)
    if longer < SIDE:
        times = SIDE // longer
        return image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    image.thumbnail((SIDE, SIDE))
    return image


def data_uri(pixels: np.ndarray) -> str:
    """uint8 [H, W, C] as a data: URI."""
    stream = io.BytesIO()
    enlarged(pixels).save(stream, "png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()
