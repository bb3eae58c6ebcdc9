"""Small pictures for people: of any size to one that fits a place, small ones without blur."""

import base64
import io
from typing import Any

import numpy as np


def fitted(pixels: np.ndarray, side: int) -> Any:
    """uint8 [H, W, 1 or 3] as a Pillow image of at most `side` pixels a side.

    What is smaller is enlarged by a whole number, with hard edges: what one sees is what there is.
    """
    from PIL import Image

    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    times = side // max(image.size)
    if times > 1:
        image = image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    image.thumbnail((side, side))
    return image


def data_uri(pixels: np.ndarray, side: int) -> str:
    """The same in a data: URI: a PNG of what was enlarged, a JPEG of what is as it was, or smaller."""
    enlarged = 2 * max(pixels.shape[:2]) <= side
    kind, options = ("png", {"optimize": True}) if enlarged else ("jpeg", {"quality": 80})
    stream = io.BytesIO()
    fitted(pixels, side).save(stream, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode()}"
