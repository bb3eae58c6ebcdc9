"""residual_cnn: the whitening stem."""

import numpy as np
import pytest

from stages.models.residual_cnn import whitening


def smooth(n=60, side=16, seed=0):
    """Images whose neighbouring pixels are alike, as in photographs: uint8 [N, H, W, 3]."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(n, side, side, 3)).cumsum(axis=1).cumsum(axis=2)
    return np.clip(128 + noise * 6, 0, 255).astype(np.uint8)


def test_patches_come_out_white():
    """What the kernels give on patches of the images has unit variance (less for faint ones) and no correlation."""
    images = smooth()
    kernels = whitening(images, 2, 12).astype(np.float64)
    patches = np.lib.stride_tricks.sliding_window_view(images, (2, 2), axis=(1, 2))[:, ::3, ::3]
    rows = patches.transpose(0, 1, 2, 4, 5, 3).reshape(-1, 12)
    covariance = np.cov(rows @ kernels.reshape(12, 12), rowvar=False)

    assert kernels.shape == (2, 2, 3, 12)
    np.testing.assert_allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-3)
    assert np.diag(covariance)[0] == pytest.approx(1, abs=0.02) and np.diag(covariance).max() <= 1 + 1e-6


def test_more_filters_are_the_same_with_the_other_sign():
    """Beyond one filter a component the negatives follow; beyond two there is nothing."""
    kernels = whitening(smooth(), 2, 24)

    np.testing.assert_array_equal(kernels[..., 12:], -kernels[..., :12])
    with pytest.raises(ValueError, match="at most 24 filters"):
        whitening(smooth(), 2, 25)
