"""What a candidate remembers of the images it was made from, so that drift can be seen later without them.

reference.npz: the looks of the train images, each as its order statistics, and the model's own features of validation
images, which it did not fit. NumPy writes no times into it: equal arrays give equal bytes.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stages.core.candidates.predictor import Predictor
from stages.core.errors import UserError
from stages.core.files import replaced

PLAIN = (
    "red", "green", "blue", "brightness", "contrast", "darkest", "lightest", "crispness", "width", "height",
)  # fmt: skip
DERIVED = {"aspect": ("width", "height"), "bytes a pixel": ("n_bytes", "width", "height")}
LOOKS = (*PLAIN, *DERIVED)
POINTS = 1001  # order statistics of a look: they can't move a Kolmogorov-Smirnov distance by more than 0.001
IMAGES = 1000  # validation images whose features are kept
DIMENSIONS = 128  # of the features that are kept; wider ones are projected
View = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Sample:
    """Images as drift sees them.

    looks: float32 [up to N] each, missing none; features: float16 [M, D]; probabilities: float32 [L, K]. N, M and L
    differ where the images were not the same ones.
    """

    looks: dict[str, np.ndarray]
    features: np.ndarray
    probabilities: np.ndarray


def evenly(n: int, most: int) -> np.ndarray:
    """Places of up to `most` of n things in their order, evenly spaced, with the first and the last: int64."""
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).round().astype(np.int64)


def derived(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Aspect (width / height) and bytes a pixel, float32, from the columns of a manifest."""
    width, height = columns["width"].astype(np.float64), columns["height"].astype(np.float64)
    found = {"aspect": width / height, "bytes a pixel": columns["n_bytes"] / (width * height)}
    return {name: values.astype(np.float32) for name, values in found.items()}


def train_looks(manifest: Path) -> dict[str, np.ndarray]:
    """Order statistics of each look over the train images, float32 [at most POINTS] each, one at a time in memory."""
    is_train = pq.read_table(manifest, columns=["split"]).column(0)
    wanted = pc.fill_null(pc.equal(is_train, "train"), False)

    def column(name: str) -> np.ndarray:
        return pq.read_table(manifest, columns=[name]).column(0).filter(wanted).to_numpy()

    found = {name: order_statistics(column(name)) for name in PLAIN}
    sizes = derived({name: column(name) for name in ("width", "height", "n_bytes")})
    return found | {name: order_statistics(values) for name, values in sizes.items()}


def order_statistics(values: np.ndarray) -> np.ndarray:
    """Sorted values, thinned evenly to at most POINTS of them: float32."""
    ordered = np.sort(values).astype(np.float32)
    return ordered[evenly(len(ordered), POINTS)]


def view_of(predictor: Predictor) -> View:
    """How a model sees uint8 [N, H, W, C]: features float16 [N, D], probabilities float32 [N, K].

    The features are what goes into the part that decides: a network's last layer with weights, a classical head.
    """

    def view(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        seen, said = predictor.see(images)
        return projected(seen.astype(np.float64)), said

    return view


def projected(features: np.ndarray) -> np.ndarray:
    """Features float64 [N, F] with at most DIMENSIONS columns: float16.

    Wide ones by random signs, which keep distances (Achlioptas 2003, Database-friendly random projections). The signs
    are the bits of a hash: the same in every version of NumPy.
    """
    width = features.shape[1]
    if width > DIMENSIONS:
        bits = np.frombuffer(hashlib.shake_256(b"imagetrail").digest(width * DIMENSIONS // 8), np.uint8)
        signs = np.unpackbits(bits).reshape(width, DIMENSIONS) * 2.0 - 1
        features = features @ signs / np.sqrt(DIMENSIONS)
    top = np.finfo(np.float16).max
    return features.clip(-top, top).astype(np.float16)


def write_reference(path: Path, looks: dict[str, np.ndarray], predictor: Predictor, val_images: np.ndarray) -> None:
    """Write reference.npz. val_images: uint8 [N, H, W, C], of which IMAGES are looked at, evenly spaced."""
    features, _ = view_of(predictor)(val_images[evenly(len(val_images), IMAGES)])
    with replaced(path) as temporary, temporary.open("wb") as stream:
        arrays: dict[str, Any] = {"features": features, **{f"look {name}": values for name, values in looks.items()}}
        np.savez_compressed(stream, **arrays)


def read_reference(path: Path, predictions: pd.DataFrame) -> Sample:
    """Read what a candidate remembers, with its predictions of images that it did not fit.

    Those are the validation images, or, where a last fit used them too, the test images. Raises UserError without a
    record.
    """
    if not path.exists():
        raise UserError(f"{path} is missing: this model was trained before drift could be measured; train it again")
    try:
        with np.load(path, allow_pickle=False) as store:
            looks = {name: store[f"look {name}"] for name in LOOKS}
            features = store["features"]
    except (ValueError, KeyError, EOFError, BadZipFile) as error:
        raise UserError(f"{path} is damaged ({error}); `dvc checkout` brings it back") from error
    split = "val" if (predictions["split"] == "val").any() else "test"
    said = predictions[predictions["split"] == split].filter(regex=r"^p\.").to_numpy(np.float32)
    return Sample(looks, features, said)
