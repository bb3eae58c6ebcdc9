"""Small pictures for people."""

import numpy as np
import pytest

from stages.core.images.thumbnails import data_uri, fitted


@pytest.mark.parametrize(
    ("shape", "size"),
    [((8, 8, 1), (112, 112)), ((64, 32, 3), (32, 64)), ((448, 224, 3), (56, 112)), ((1, 500, 3), (112, 1))],
)
def test_pictures_fit_their_place(shape, size):
    """Small ones are enlarged by whole numbers, large ones made smaller."""
    assert fitted(np.zeros(shape, np.uint8), 112).size == size


def test_what_is_enlarged_has_hard_edges_and_loses_nothing():
    """Every pixel becomes a square of its own value, in a PNG; what is not enlarged is a JPEG."""
    pixels = np.arange(4, dtype=np.uint8).reshape(2, 2, 1) * 80

    assert (np.asarray(fitted(pixels, 7)) == np.kron(pixels[..., 0], np.ones((3, 3), np.uint8))).all()
    assert data_uri(pixels, 7).startswith("data:image/png;base64,")
    assert data_uri(np.zeros((40, 50, 3), np.uint8), 72).startswith("data:image/jpeg;base64,")
