"""Pictures of mistakes: the surest ones, and the most confused pairs of classes."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from stages.core.files import read_text_csv, records
from stages.core.images.decoding import NotAnImage, decode_for_display
from stages.core.images.manifest import SPLITS
from stages.core.images.sheet import Tile, write_sheet
from stages.core.ingest.source import images_named
from stages.core.settings.evaluate_options import Evaluate

COLUMNS = 8  # pictures in a row
NAMES = ("path", "true", "predicted")


def write_sheets(folder: Path, archive: Path, options: Evaluate) -> None:
    """Write `<split>_mistakes.png` and `<split>_confusions.png` of an evaluation, from its tables and the source."""
    for split in SPLITS:
        if not (folder / f"{split}_mistakes.csv").exists():
            continue
        mistakes, pairs = (read_text_csv(folder / f"{split}_{name}.csv", NAMES) for name in ("mistakes", "confusions"))
        shown = {"": mistakes.head(options.sheet_pictures)}
        write_sheet(folder / f"{split}_mistakes.png", tiled(shown, archive), COLUMNS)
        of_pairs = {title(pair): chosen(mistakes, pair, options.pictures_per_pair) for pair in records(pairs)}
        write_sheet(folder / f"{split}_confusions.png", tiled(of_pairs, archive), COLUMNS)


def title(pair: dict[str, object]) -> str:
    """Words of a confused pair."""
    share = f"{100 * float(str(pair['share'])):.1f} % of {pair['true']}"
    return f"{pair['true']} taken for {pair['predicted']}: {pair['n_images']} ({share})"


def chosen(mistakes: pd.DataFrame, pair: dict[str, object], most: int) -> pd.DataFrame:
    """The surest mistakes of a pair."""
    same = (mistakes["true"] == pair["true"]) & (mistakes["predicted"] == pair["predicted"])
    return mistakes[same].head(most)


def tiled(tables: dict[str, pd.DataFrame], archive: Path) -> list[tuple[str, list[Tile]]]:
    """Tiles of tables of mistakes, by their titles, with the images of the source."""
    pixels = decoded(archive, [path for table in tables.values() for path in table["path"]])
    return [(name, [tile(row, pixels) for row in records(table)]) for name, table in tables.items()]


def decoded(archive: Path, paths: Iterable[str]) -> dict[str, np.ndarray]:
    """Pixels uint8 [H, W, 3] of the images that can be read."""
    found: dict[str, np.ndarray] = {}
    for path, data in images_named(archive, paths):
        with contextlib.suppress(NotAnImage):
            found[path] = decode_for_display(data).pixels
    return found


def tile(row: dict[str, object], pixels: dict[str, np.ndarray]) -> Tile:
    """One mistake: what it is, what it was taken for, how surely, and the name of its file."""
    path = str(row["path"])
    lines = (f"{row['true']} → {row['predicted']}", f"{100 * float(str(row['confidence'])):.1f} %", path)
    return Tile(pixels.get(path), lines)
