"""Random changes of train images, each a function of (seed, epoch, index): a restart repeats them exactly."""

import cv2
import numpy as np

from stages.core.settings.augment_options import Augment
from stages.core.training.randaugment import randaugmented

N_DRAWS = 10  # uniform numbers an image and epoch; one column each below, so that no change shifts another's draw
FLIP, DOWN, RIGHT, TURN, SCALE, BRIGHT, CONTRAST, CUT_Y, CUT_X = range(9)
N_FLIPS = {"none": 1, "horizontal": 2, "both": 4, "dihedral": 8, "alternating": 2, "alternating_dihedral": 8}


def draws(n_images: int, seed: int, epoch: int, options: Augment) -> np.ndarray:
    """Uniform numbers float64 [N, D] in [0, 1): row i is what image i gets in this epoch.

    N_DRAWS columns, then those of randaugment where it is on. An alternating flip begins with a view by chance in
    epoch 0 and goes on by one view an epoch (Jordan 2024, airbench).
    """
    u = np.random.default_rng([seed, epoch, 1]).random((n_images, N_DRAWS))
    if options.flip.startswith("alternating"):
        start = np.random.default_rng([seed, 0, 1]).random((n_images, N_DRAWS))[:, FLIP]
        u[:, FLIP] = (start + epoch % N_FLIPS[options.flip] / N_FLIPS[options.flip]) % 1
    if options.randaugment:
        more = np.random.default_rng([seed, epoch, 2]).random((n_images, 2 * options.randaugment.operations))
        u = np.concatenate([u, more], axis=1)
    return u


def augmented(images: np.ndarray, u: np.ndarray, options: Augment) -> np.ndarray:
    """Return a changed copy of uint8 [N, H, W, C]; `u` holds the draws of these images, float64 [N, D].

    Where nothing is to be done, `images` themselves, which may then be any numbers [N, ...].
    """
    if options.nothing:
        return images
    if options.rotation or options.zoom:
        images = warped(images, u, options)
    images = moved(images, u, options)
    if options.brightness or options.contrast:
        images = relit(images, u, options)
    if options.randaugment:
        images = randaugmented(images, u[:, N_DRAWS:], options.randaugment)
    if options.cutout:
        cut_out(images, u, options.cutout)
    return images


def moved(images: np.ndarray, u: np.ndarray, options: Augment) -> np.ndarray:
    """Flip, turn by right angles and shift; what comes in from outside is the mirrored border."""
    n_images, height, width, _ = images.shape
    pad_y, pad_x = round(options.shift * height), round(options.shift * width)
    n_flips = N_FLIPS[options.flip] if height == width else min(N_FLIPS[options.flip], N_FLIPS["both"])
    if n_flips == 1 and not pad_y and not pad_x:
        return images.copy()
    flip = (u[:, FLIP] * n_flips).astype(int)
    down = (u[:, DOWN] * (2 * pad_y + 1)).astype(int)
    right = (u[:, RIGHT] * (2 * pad_x + 1)).astype(int)
    out = np.empty_like(images)
    for i in range(n_images):
        view = cv2.copyMakeBorder(images[i], pad_y, pad_y, pad_x, pad_x, cv2.BORDER_REFLECT)
        view = view[down[i] : down[i] + height, right[i] : right[i] + width]
        out[i] = flipped(view, flip[i]).reshape(out[i].shape)  # OpenCV drops a single channel
    return out


def flipped(image: np.ndarray, which: int) -> np.ndarray:
    """One of the 8 symmetries of a square: bit 0 mirrors left-right, bit 1 up-down, bit 2 transposes.

    By OpenCV, as NumPy copies mirrored pixels ten times as slowly.
    """
    if which & 3:
        image = cv2.flip(image, {1: 1, 2: 0, 3: -1}[which & 3])
    return cv2.transpose(image) if which & 4 else image


def shrunk(images: np.ndarray, scale: float) -> np.ndarray:
    """Smaller uint8 [N, H * scale, W * scale, C], each pixel the mean over its area; the same images at scale 1."""
    if scale == 1:
        return images
    n_images, height, width, channels = images.shape
    size = max(1, round(height * scale)), max(1, round(width * scale))
    out = np.empty((n_images, *size, channels), np.uint8)
    for i in range(n_images):
        out[i] = cv2.resize(images[i], size[::-1], interpolation=cv2.INTER_AREA).reshape(*size, channels)
    return out


def warped(images: np.ndarray, u: np.ndarray, options: Augment) -> np.ndarray:
    """Turn and scale about the middle, bilinear, with mirrored borders.

    TensorFlow's kernel, because a NumPy one would cost more than the training step.
    """
    import tensorflow as tf

    n_images, height, width, _ = images.shape
    angle = (2 * u[:, TURN] - 1) * options.rotation * 2 * np.pi
    scale = 1 + (2 * u[:, SCALE] - 1) * options.zoom
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    x, y = (width - 1) / 2, (height - 1) / 2
    zero = np.zeros(n_images)
    rows = [cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y, zero, zero]
    with tf.device("CPU"):  # the GPU is busy with the batch before
        turned = tf.raw_ops.ImageProjectiveTransformV3(
            images=images,
            transforms=np.stack(rows, axis=1).astype(np.float32),
            output_shape=[height, width],
            fill_value=0.0,
            interpolation="BILINEAR",
            fill_mode="REFLECT",
        )
    return np.asarray(turned)


def relit(images: np.ndarray, u: np.ndarray, options: Augment) -> np.ndarray:
    """Change brightness (added) and contrast (distance from the image's own mean)."""
    values = images.astype(np.float32)
    mean = values.mean(axis=(1, 2, 3), keepdims=True)
    spread = (1 + (2 * u[:, CONTRAST] - 1) * options.contrast).astype(np.float32)[:, None, None, None]
    added = ((2 * u[:, BRIGHT] - 1) * options.brightness * 255).astype(np.float32)[:, None, None, None]
    return np.clip(np.round((values - mean) * spread + mean + added), 0, 255).astype(np.uint8)


def cut_out(images: np.ndarray, u: np.ndarray, share: float) -> None:
    """Blank a square of each image in place with the image's mean (DeVries & Taylor 2017)."""
    n_images, height, width, _ = images.shape
    half_y, half_x = max(1, round(share * height / 2)), max(1, round(share * width / 2))
    middle_y, middle_x = (u[:, CUT_Y] * height).astype(int), (u[:, CUT_X] * width).astype(int)
    for i in range(n_images):
        y, x = middle_y[i], middle_x[i]
        hole = np.s_[max(0, y - half_y) : y + half_y, max(0, x - half_x) : x + half_x]
        images[i][hole] = images[i].mean(axis=(0, 1)).round().astype(np.uint8)
