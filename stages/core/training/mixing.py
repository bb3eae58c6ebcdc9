"""Two images in one: mixup and cutmix of a finished batch, labels and weights with them."""

import cv2
import numpy as np

from stages.core.settings.augment_options import Augment


def mixed(batch: tuple[np.ndarray, ...], options: Augment, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Mix each image of a batch with another one of it, or return the batch as it is when nothing is asked for.

    batch: images uint8 [B, H, W, C], then labels float32 [B, K] and perhaps weights float32 [B], which are averaged
    with the images' shares. Where both are on, an image is mixed one way or the other, each as often. A share is
    drawn an image, not a batch, so that batches differ less from one another.
    """
    if not options.mixup and not options.cutmix:
        return batch
    images, *others = batch
    n = len(images)
    partner, ways, places = rng.permutation(n), rng.random(n), rng.random((n, 2))
    fades = ways < (options.mixup > 0) / ((options.mixup > 0) + (options.cutmix > 0))
    share = np.ones(n)  # of the image itself; 1 - share of its partner
    if options.mixup:
        drawn = rng.beta(options.mixup, options.mixup, n)
        share[fades] = drawn[fades]
    out = faded(images, partner, share) if options.mixup else images.copy()
    if options.cutmix:
        boxes = boxes_of(images.shape, rng.beta(options.cutmix, options.cutmix, n), places)
        share[~fades] = pasted(out, images[partner], boxes, ~fades)
    s = share.astype(np.float32)
    return (out, *(averaged(part, part[partner], s) for part in others))


def averaged(own: np.ndarray, other: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Labels [B, K] or weights [B] of mixed images."""
    s = share.reshape(-1, *[1] * (own.ndim - 1))
    return s * own + (1 - s) * other


def faded(images: np.ndarray, partner: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Weighted mean of uint8 [B, H, W, C] and their partners, to the nearest level.

    share: float64 [B]. By OpenCV, which is 20 times as fast as NumPy here.
    """
    out = images.copy()
    for i in np.flatnonzero(share < 1):
        out[i] = cv2.addWeighted(images[i], share[i], images[partner[i]], 1 - share[i], 0).reshape(out[i].shape)
    return out


def boxes_of(shape: tuple[int, ...], share: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Boxes (top, bottom, left, right) int64 [B, 4] that cover about 1 - share, cut off at the border.

    places: float64 [B, 2] in [0, 1), the middles.
    """
    sides = np.asarray(shape[1:3])
    half = np.rint(np.sqrt(1 - share)[:, None] * sides / 2).astype(np.int64)
    middle = (places * sides).astype(np.int64)
    low, high = np.maximum(middle - half, 0), np.minimum(middle + half, sides)
    return np.stack([low[:, 0], high[:, 0], low[:, 1], high[:, 1]], axis=1)


def pasted(images: np.ndarray, others: np.ndarray, boxes: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Paste the box of each chosen image's partner into it, in place; returns the shares left, float64 [chosen]."""
    for i in np.flatnonzero(chosen):
        top, bottom, left, right = boxes[i]
        images[i, top:bottom, left:right] = others[i, top:bottom, left:right]
    top, bottom, left, right = boxes[chosen].T
    return 1 - (bottom - top) * (right - left) / (images.shape[1] * images.shape[2])
