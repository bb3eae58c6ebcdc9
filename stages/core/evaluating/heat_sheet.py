"""The surest mistakes of a network, each beside the places that spoke for what it said and for what was true."""

from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from stages.core.evaluating.gradcam import gradcam, overlap
from stages.core.files import records
from stages.core.images.sheet import TILE, Tile
from stages.core.images.thumbnails import fitted

COLUMNS = 6  # two mistakes a row
OPAQUE = 0.75  # of the colour at the hottest place: the picture still shows


def looked(model: Any, images: np.ndarray, wrong: pd.DataFrame, classes: list[str]) -> tuple[pd.DataFrame, list[Tile]]:
    """The table of mistakes with the overlap of both maps, and three tiles each: picture, predicted, true.

    images: uint8 [N, H, W, C], those of the N rows of wrong (path, true, predicted, confidence). Raises UserError.
    """
    ids = np.array([[classes.index(name) for name in wrong[column]] for column in ("predicted", "true")]).reshape(2, -1)
    maps = gradcam(model, images, ids) if len(wrong) else np.zeros((2, *images.shape[:3]), np.float32)
    table = wrong.assign(overlap=overlap(*maps))
    tiles = [tile for place, row in enumerate(records(table)) for tile in three(row, images[place], maps[:, place])]
    return table, tiles


def three(row: dict[str, Any], image: np.ndarray, maps: np.ndarray) -> list[Tile]:
    """Tiles of one mistake. image: uint8 [H, W, C]; maps: float [2, H, W]."""
    pixels = np.asarray(fitted(image, TILE).convert("RGB"))
    sure, alike = f"{100 * float(row['confidence']):.1f} %", f"overlap {row['overlap']:.2f}"
    found = [Tile(pixels, (row["true"], f"→ {row['predicted']}", PurePosixPath(row["path"]).name))]
    for heat, name, said in zip(maps, (row["predicted"], row["true"]), (sure, alike), strict=True):
        found.append(Tile(overlaid(pixels, heat), ("for" if heat.any() else "nothing for", name, said)))
    return found


def overlaid(pixels: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A picture uint8 [H, W, 3] under the colours of a map float [h, w] in [0, 1]; where that is 0, it is as it was."""
    import cv2
    from matplotlib import colormaps

    warm = cv2.resize(heat, pixels.shape[1::-1]).clip(0, 1).astype(np.float64)
    colours = 255 * colormaps["inferno"](warm)[..., :3]
    return np.rint(pixels + OPAQUE * warm[..., None] * (colours - pixels)).astype(np.uint8)
