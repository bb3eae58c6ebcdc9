"""Random changes of train images, each a function of (seed, epoch, index): a restart repeats them exactly."""

import numpy as np

from stages.core.fit_options import Augment

N_DRAWS = 10  # uniform numbers an image and epoch; one column each below, so that no change shifts another's draw
FLIP, DOWN, RIGHT, TURN, SCALE, BRIGHT, CONTRAST, CUT_Y, CUT_X = range(9)
N_FLIPS = {"none": 1, "horizontal": 2, "both": 4, "dihedral": 8}


def draws(n_images: int, seed: int, epoch: int) -> np.ndarray:
    """Uniform numbers float64 [N, N_DRAWS] in [0, 1): row i is what image i gets in this epoch."""
    return np.random.default_rng([seed, epoch, 1]).random((n_images, N_DRAWS))


def augmented(images: np.ndarray, u: np.ndarray, options: Augment) -> np.ndarray:
    """Return a changed copy of uint8 [N, H, W, C]; `u` holds the draws of these images, float64 [N, N_DRAWS]."""
    if options.rotation or options.zoom:
        images = warped(images, u, options)
    images = np.ascontiguousarray(moved(images, u, options))
    if options.brightness or options.contrast:
        images = relit(images, u, options)
    if options.cutout:
        cut_out(images, u, options.cutout)
    return images


def moved(images: np.ndarray, u: np.ndarray, options: Augment) -> np.ndarray:
    """Flip, turn by right angles and shift; what comes in from outside is the mirrored border."""
    n_images, height, width, _ = images.shape
    pad_y, pad_x = round(options.shift * height), round(options.shift * width)
    n_flips = N_FLIPS[options.flip] if height == width or options.flip != "dihedral" else N_FLIPS["both"]
    flip = (u[:, FLIP] * n_flips).astype(int)
    down = (u[:, DOWN] * (2 * pad_y + 1)).astype(int)
    right = (u[:, RIGHT] * (2 * pad_x + 1)).astype(int)
    padded = np.pad(images, ((0, 0), (pad_y, pad_y), (pad_x, pad_x), (0, 0)), mode="symmetric")
    out = np.empty_like(images)
    for i in range(n_images):
        view = padded[i, down[i] : down[i] + height, right[i] : right[i] + width]
        out[i] = flipped(view, flip[i])
    return out


def flipped(image: np.ndarray, which: int) -> np.ndarray:
    """One of the 8 symmetries of a square: bit 0 mirrors left-right, bit 1 up-down, bit 2 transposes."""
    if which & 1:
        image = image[:, ::-1]
    if which & 2:
        image = image[::-1]
    return image.transpose(1, 0, 2) if which & 4 else image


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
