"""Images that come as arrays with numbers for labels -> members, one PNG each."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from stages.core.errors import UserError
from stages.core.ingest.encoding import png
from stages.core.ingest.source import Member


def array_members(
    images: np.ndarray, labels: np.ndarray, split: str | None, names: list[str] | None, shown: str
) -> Iterator[Member]:
    """Yield `<split>/<class>/<number>.png` for uint8 [N, H, W] or [N, H, W, 3]; without names a class is its number.

    Raises UserError when the counts differ or a label has no name; `shown` says in which data.
    """
    if len(images) != len(labels):
        raise UserError(f"{shown}: {len(images):,} images and {len(labels):,} labels; they don't belong together")
    if names is not None and len(labels) and labels.max() >= len(names):
        raise UserError(f"{shown}: label {labels.max()} has no name, as there are {len(names)} names, from 0 on")
    for index, (image, number) in enumerate(zip(images, labels.tolist(), strict=True)):
        label = names[number] if names is not None else str(number)
        folder = label.replace("/", "_")  # Fashion-MNIST has a class T-shirt/top
        path = "/".join(filter(None, [split, folder, f"{index:05d}.png"]))
        yield Member(path, partial(png, image), label, split)
