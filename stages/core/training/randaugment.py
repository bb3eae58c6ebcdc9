"""RandAugment (Cubuk et al. 2020): some operations an image, drawn from a fixed list, on uint8 with OpenCV."""

from collections.abc import Callable

import cv2
import numpy as np

from stages.core.settings.augment_options import RandAugment

Change = Callable[[np.ndarray, float], np.ndarray]  # uint8 [H, W, C], signed strength in [-1, 1] -> the same shape


def randaugmented(images: np.ndarray, u: np.ndarray, options: RandAugment) -> np.ndarray:
    """Return changed uint8 [N, H, W, C]; u: float64 [N, 2 * operations] in [0, 1), which operation and which sign.

    The strength is magnitude / 10 for all; what has a direction takes it by the sign.
    """
    strength, changes, out = options.magnitude / 10, list(CHANGES.values()), images.copy()
    for k in range(options.operations):
        which = (u[:, 2 * k] * len(changes)).astype(int)
        sign = np.where(u[:, 2 * k + 1] < 0.5, -1.0, 1.0)
        for i in range(len(out)):
            out[i] = changes[which[i]](out[i], sign[i] * strength).reshape(out[i].shape)
    return out


def looked_up(image: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Replace each level by that of a table, float or int [256]."""
    return cv2.LUT(image, np.clip(np.rint(table), 0, 255).astype(np.uint8))


LEVELS = np.arange(256.0)


def identity(image: np.ndarray, _: float) -> np.ndarray:
    """Leave it as it is."""
    return image


def autocontrast(image: np.ndarray, _: float) -> np.ndarray:
    """Stretch each channel from its darkest to its lightest level over 0-255."""
    parts = [np.ascontiguousarray(part) for part in np.moveaxis(image, 2, 0)]
    return np.stack([cv2.normalize(part, None, 0, 255, cv2.NORM_MINMAX) if np.ptp(part) else part for part in parts], 2)


def equalize(image: np.ndarray, _: float) -> np.ndarray:
    """Flatten the histogram of each channel."""
    return np.stack([cv2.equalizeHist(np.ascontiguousarray(part)) for part in np.moveaxis(image, 2, 0)], axis=2)


def posterize(image: np.ndarray, strength: float) -> np.ndarray:
    """Keep the upper 8 to 4 bits of each level."""
    step = 2 ** round(4 * abs(strength))
    return looked_up(image, LEVELS // step * step)


def solarize(image: np.ndarray, strength: float) -> np.ndarray:
    """Invert the levels above 255 to 0."""
    return looked_up(image, np.where(256 * (1 - abs(strength)) <= LEVELS, 255 - LEVELS, LEVELS))


def brightness(image: np.ndarray, strength: float) -> np.ndarray:
    """Multiply the levels by 0.1 to 1.9."""
    return looked_up(image, LEVELS * (1 + 0.9 * strength))


def contrast(image: np.ndarray, strength: float) -> np.ndarray:
    """Multiply the distance from the mean level by 0.1 to 1.9."""
    mean = float(np.mean(cv2.mean(image)[: image.shape[2]]))
    return looked_up(image, (LEVELS - mean) * (1 + 0.9 * strength) + mean)


def blended(image: np.ndarray, other: np.ndarray, factor: float) -> np.ndarray:
    """`factor` of the image and 1 - factor of another; above 1 away from the other."""
    return cv2.addWeighted(image, factor, np.ascontiguousarray(other), 1 - factor, 0)


def colour(image: np.ndarray, strength: float) -> np.ndarray:
    """Multiply the distance from grey by 0.1 to 1.9; a grey image stays."""
    if image.shape[2] != 3:
        return image
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return blended(image, cv2.merge([grey, grey, grey]), 1 + 0.9 * strength)


def sharpness(image: np.ndarray, strength: float) -> np.ndarray:
    """Multiply the distance from the blurred image by 0.1 to 1.9."""
    return blended(image, cv2.blur(image, (3, 3)).reshape(image.shape), 1 + 0.9 * strength)


def bent(image: np.ndarray, matrix: list[list[float]]) -> np.ndarray:
    """Move pixels by a matrix [2, 3] about the middle, bilinear, with mirrored borders."""
    height, width, _ = image.shape
    x, y = (width - 1) / 2, (height - 1) / 2
    (a, b, right), (c, d, down) = matrix
    about = np.array([[a, b, x - a * x - b * y + right], [c, d, y - c * x - d * y + down]])
    return cv2.warpAffine(image, about, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def rotate(image: np.ndarray, strength: float) -> np.ndarray:
    """Turn by up to 30 degrees."""
    angle = strength * np.pi / 6
    cos, sin = np.cos(angle), np.sin(angle)
    return bent(image, [[cos, -sin, 0], [sin, cos, 0]])


def shear_x(image: np.ndarray, strength: float) -> np.ndarray:
    """Slant the columns by up to 0.3."""
    return bent(image, [[1, 0.3 * strength, 0], [0, 1, 0]])


def shear_y(image: np.ndarray, strength: float) -> np.ndarray:
    """Slant the rows by up to 0.3."""
    return bent(image, [[1, 0, 0], [0.3 * strength, 1, 0]])


def translate_x(image: np.ndarray, strength: float) -> np.ndarray:
    """Move by up to 0.3 of the width."""
    return bent(image, [[1, 0, round(0.3 * strength * image.shape[1])], [0, 1, 0]])


def translate_y(image: np.ndarray, strength: float) -> np.ndarray:
    """Move by up to 0.3 of the height."""
    return bent(image, [[1, 0, 0], [0, 1, round(0.3 * strength * image.shape[0])]])


CHANGES: dict[str, Change] = {
    change.__name__: change
    for change in (
        identity, autocontrast, equalize, rotate, solarize, colour, posterize, contrast, brightness, sharpness,
        shear_x, shear_y, translate_x, translate_y,
    )
}  # fmt: skip
