"""What a camera does to its scene: out of focus, moved, zoomed, behind frosted glass, or pulled like rubber.

After Hendrycks & Dietterich 2019, with the lengths of CIFAR-10-C as shares of the longer side.
"""

import cv2
import numpy as np

from stages.core.evaluating.per_image import Images, each, middle_of, scale_of, warped


def defocus_blur(images: Images, strength: tuple[float, float], rng: np.random.Generator) -> Images:
    """Spread every point over a disc of this radius, whose edge is softened by a Gaussian of this deviation."""
    radius, edge = (length * scale_of(images) for length in strength)
    reach = int(np.ceil(radius + 3 * edge))
    squared = np.arange(-reach, reach + 1) ** 2
    disc = (squared[:, None] + squared <= radius**2).astype(float)
    kernel = cv2.GaussianBlur(disc / disc.sum(), (0, 0), edge, borderType=cv2.BORDER_CONSTANT)
    return each(images, lambda image: cv2.filter2D(image, -1, kernel))


def glass_blur(images: Images, strength: tuple[float, int, int], rng: np.random.Generator) -> Images:
    """Swap each pixel with one at most this far away, so many times, between two Gaussian blurs."""
    from scipy.ndimage import gaussian_filter

    scale, times = scale_of(images), strength[2]
    blurred, far = strength[0] * scale, max(1, round(strength[1] * scale))
    sigma = (0, blurred, blurred, 0)
    mixed = gaussian_filter(images, sigma, mode="nearest")
    n, height, width = images.shape[:3]
    for _ in range(times):
        for row in range(height - far, far, -1):
            away = rng.integers(-far, far, (width, 2, n))  # as theirs: up to far - 1 to the right and below
            for column in range(width - far, far, -1):
                swap(mixed, (row, column), away[column - 1])
    return np.asarray(gaussian_filter(mixed, sigma, mode="nearest"))


def swap(images: Images, place: tuple[int, int], away: np.ndarray) -> None:
    """Swap a pixel with one of its neighbours, in each image with another. away: int64 [2, N]."""
    every, (row, column) = np.arange(len(images)), place
    here, there = images[:, row, column].copy(), (every, row + away[0], column + away[1])
    images[:, row, column] = images[there]
    images[there] = here


def motion_blur(images: Images, strength: tuple[float, float], rng: np.random.Generator) -> Images:
    """Smear to one side at an angle drawn for each image: a Gaussian of strength[1], cut after twice strength[0]."""
    length, deviation = (part * scale_of(images) for part in strength)
    angles = iter(rng.uniform(-45, 45, len(images)))

    def smeared(image: np.ndarray) -> np.ndarray:
        return cv2.filter2D(image, -1, streak(round(length), deviation, next(angles)), borderType=cv2.BORDER_REPLICATE)

    return each(images, smeared)


def streak(length: int, deviation: float, angle: float) -> np.ndarray:
    """Kernel of a streak from the middle outwards, at an angle in degrees: a Gaussian of this deviation, sum 1."""
    steps, turn = np.arange(2 * length + 1), np.deg2rad(angle)
    kernel = np.zeros((4 * length + 1, 4 * length + 1))
    places = tuple(2 * length + np.rint(steps * part).astype(int) for part in (np.sin(turn), np.cos(turn)))
    np.add.at(kernel, places, np.exp(-((steps / deviation) ** 2) / 2))
    return kernel / kernel.sum()


def zoom_blur(images: Images, strength: float, rng: np.random.Generator) -> Images:
    """Average over a zoom up to this much closer, in steps of a hundredth; the image as it is counts twice."""
    factors = 1 + np.arange(round(strength * 100)) / 100
    moves = [cv2.getRotationMatrix2D(middle_of(images), 0, factor) for factor in (1, *factors)]

    def zoomed(image: np.ndarray) -> np.ndarray:
        return np.asarray(sum(warped(image, move) for move in moves) / len(moves))

    return each(images, zoomed)


def elastic(images: Images, strength: tuple[float, float, float], rng: np.random.Generator) -> Images:
    """Pull three points by up to a share of the size, then every pixel by smooth random ways (Simard et al. 2003).

    strength: how far pixels are pulled, how smooth their ways are, how far the points are pulled: shares of the size.
    """
    height, width = images.shape[1:3]
    far, smooth, pull = (share * max(height, width) for share in strength)
    side = min(height, width) // 3
    x, y = width // 2, height // 2
    corners = np.array([[x + side, y + side], [x + side, y - side], [x - side, y - side]], np.float32)
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))

    def pulled(image: np.ndarray) -> np.ndarray:
        moved = corners + rng.uniform(-pull, pull, corners.shape)
        move = cv2.getAffineTransform(corners, moved.astype(np.float32))
        image = warped(image, move, cv2.BORDER_REFLECT_101)
        ways = far * rng.uniform(-1, 1, (2, height, width))
        ways = np.stack([cv2.GaussianBlur(way, (0, 0), smooth) for way in ways]) if smooth else ways
        at = ((columns + ways[0]).astype(np.float32), (rows + ways[1]).astype(np.float32))
        return np.asarray(cv2.remap(image, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101))

    return each(images, pulled)
