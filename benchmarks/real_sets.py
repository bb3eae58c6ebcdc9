"""Images that others took: the digits of scikit-learn, and samples of archives, decoded with OpenCV."""

from pathlib import Path
from zipfile import ZipFile

import cv2
import numpy as np


def scikit_digits() -> list[np.ndarray]:
    """The 1,797 digits, uint8 [8, 8, 3]."""
    from sklearn.datasets import load_digits

    scaled = (load_digits().images * (255 / 16)).astype(np.uint8)
    return list(np.repeat(scaled[..., None], 3, axis=3))


def sampled(archive: Path, n: int, seed: int) -> list[np.ndarray]:
    """Up to n images of an archive, drawn at random, uint8 [H, W, 3]."""
    with ZipFile(archive) as opened:
        names = sorted(name for name in opened.namelist() if name.lower().endswith((".jpg", ".jpeg", ".png")))
        chosen = np.random.default_rng(seed).choice(len(names), min(n, len(names)), replace=False)
        data = [np.frombuffer(opened.read(names[i]), np.uint8) for i in chosen]
    return [cv2.cvtColor(cv2.imdecode(each, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB) for each in data]
