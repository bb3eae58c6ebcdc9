"""Thumbnails -> pairs of images that show the same picture, and clusters of them, far below quadratic time.

A pair is near when three measures agree. The correlation of their detail, at two scales, says that the structures
are the same whatever the brightness, the colour cast and the smooth background; the largest local difference says
that no part of the picture was exchanged; the whitened correlation says that they share more than any two pictures of
this set do (`whitening`). Perceptual hashes fail here: a 64-bit difference hash finds 299 equal images in EuroSAT, all
of them water or fields.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from stages.core.gate.neighbours import neighbours_within
from stages.core.gate.whitening import DIMENSIONS, FEWEST, SAMPLE, Whitening, chance_limit, fit_whitening, whitened

SIDE, CHANNELS = 16, 3  # of a thumbnail
PART = 4  # side of the parts that are compared one by one
COARSE, FINE = 2, 6  # degrees of the surfaces that are background at the two scales
BLOCK = 2048  # rows at a time: 25 MB of float64 detail
SLACK = 3e-3  # of the radius, for the float16 of the search
TINY = 1e-6


@dataclass(frozen=True)
class Pairs:
    """Near pairs, each once: rows first < second, int64 [P], sorted, and how near by both measures, float32 [P].

    correlation of their detail; difference in grey levels of 255.
    """

    first: np.ndarray
    second: np.ndarray
    correlation: np.ndarray
    difference: np.ndarray


def near_pairs(  # noqa: PLR0913 - they are a section of params.yaml
    thumbnails: Any,
    contrast: np.ndarray,
    *,
    min_contrast: float,
    min_correlation: float,
    max_difference: float,
    min_whitened_correlation: float,
    max_chance_pairs: float,
    neighbours: int,
) -> Pairs:
    """Find the pairs that are near by all measures; flat images (low contrast) take no part.

    thumbnails: uint8 [N, 16, 16, 3], area averages; anything that can be indexed by rows, also a memory map.
    contrast: float32 [N], standard deviation of the luma in grey levels. Each image is compared with the
    `neighbours` nearest among the whitened, and with its equals: nearly all that N² comparisons find (`neighbours`
    says what is missed); only through that limit does the order of rows matter.
    Memory: 400 bytes an image, and 20 a pair.
    """
    rows = np.flatnonzero(np.asarray(contrast) >= min_contrast)
    kept, equal, sample = thinned(thumbnails, rows, neighbours)
    found = [verified(thumbnails, equal, min_correlation, max_difference)]
    if len(kept) > 1:
        whitening, limit = particular(thumbnails[sample], len(kept), min_whitened_correlation, max_chance_pairs)
        points = projected(thumbnails, kept, whitening)
        for candidates in searched(points, limit if len(sample) >= FEWEST else min_correlation, neighbours):
            found.append(verified(thumbnails, kept[candidates], min_correlation, max_difference))
    first, second, correlation, difference = (np.concatenate(column) for column in zip(*found, strict=True))
    _, once = np.unique(first * len(thumbnails) + second, return_index=True)
    return Pairs(first[once], second[once], correlation[once], difference[once])


def leaders(pairs: Pairs, n: int) -> np.ndarray:
    """Cluster by leaders: each image's leader as int64 [n], a leader its own, -1 for an image in no cluster.

    Images are visited by falling number of pairs, then by row. One that is still free leads a cluster of all its
    near images that are still free, if any. So each member is near its leader and no chain forms; an image whose
    near ones all follow other leaders stays alone. Hartigan 1975, Clustering Algorithms, chapter 3.
    """
    ends = np.concatenate([pairs.first, pairs.second])
    others = np.concatenate([pairs.second, pairs.first])[np.argsort(ends, kind="stable")]
    counts = np.bincount(ends, minlength=n)
    starts = np.concatenate([[0], np.cumsum(counts)])
    leader = np.full(n, -1, np.int64)
    for row in np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]:
        near = others[starts[row] : starts[row + 1]]
        free = near[leader[near] < 0]
        if leader[row] < 0 and len(free):
            leader[free] = leader[row] = row
    return leader


def thinned(thumbnails: Any, rows: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows without copies beyond `limit` of a thumbnail, pairs [P, 2] of those with the first, and a sample.

    A tree over a million equal points would compare each with each. The sample holds up to SAMPLE different thumbnails,
    those of the smallest hashes: whatever the order of the rows, and nearly the same when images are added.
    """
    codes = np.concatenate([np.zeros(0, np.uint64), *(hashed(block) for _, block in blocks(thumbnails, rows))])
    order = np.argsort(codes, kind="stable")
    new = np.diff(codes[order], prepend=~codes[order][:1]) != 0
    start = np.maximum.accumulate(np.where(new, np.arange(len(rows)), 0))
    surplus = np.arange(len(rows)) - start >= limit
    pairs = np.stack([rows[order[start[surplus]]], rows[order[surplus]]], axis=1)
    return np.sort(rows[order[~surplus]]), pairs, rows[order[new]][:SAMPLE]


def hashed(thumbnails: np.ndarray) -> np.ndarray:
    """64-bit hash of each thumbnail: uint64 [n]."""
    digests = (hashlib.blake2b(thumbnail.tobytes(), digest_size=8).digest() for thumbnail in thumbnails)
    return np.frombuffer(b"".join(digests), np.uint64)


def blocks(thumbnails: Any, rows: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the places in `rows` and the thumbnails of BLOCK rows at a time."""
    for start in range(0, len(rows), BLOCK):
        place = slice(start, min(start + BLOCK, len(rows)))
        yield place, np.asarray(thumbnails[rows[place]])


def particular(
    sample: np.ndarray, n_images: int, min_whitened_correlation: float, max_chance_pairs: float
) -> tuple[Whitening, float]:
    """Whitening of a set, from thumbnails uint8 [n, 16, 16, 3] of a sample, and the whitened correlation of copies."""
    rows = detail(np.asarray(sample), np.float32)
    whitening = fit_whitening(rows)
    if len(rows) < FEWEST:
        return whitening, min_whitened_correlation
    chance = chance_limit(whitened(rows, whitening), n_images, max_chance_pairs)
    return whitening, max(min_whitened_correlation, chance)


def searched(points: np.ndarray, min_correlation: float, k: int) -> Iterator[np.ndarray]:
    """Yield candidate pairs [P, 2] of whitened points float16 [n, DIMENSIONS], each with its up to k nearest.

    Unit vectors with correlation c are sqrt(2 - 2 c) apart.
    """
    yield from neighbours_within(points, float(np.sqrt(2 - 2 * min_correlation) + SLACK), k)


def projected(thumbnails: Any, rows: np.ndarray, whitening: Whitening) -> np.ndarray:
    """Whitened detail of these rows, float16 [n, DIMENSIONS]."""
    points = np.empty((len(rows), DIMENSIONS), np.float16)
    for place, block in blocks(thumbnails, rows):
        points[place] = whitened(detail(block, np.float32), whitening)
    return points


def detail(thumbnails: np.ndarray, dtype: type[np.floating[Any]] = np.float64) -> np.ndarray:
    """What smooth surfaces leave of each channel, at two scales: unit vectors [n, 2 · 768] of uint8 [n, 16, 16, 3].

    Without a surface of degree 2 two sunsets are no longer alike, and without one of degree 6 two papers under the
    same lamp. The scales weigh the same: the dot product of two images is the mean of their two correlations.
    """
    channels = thumbnails.reshape(-1, SIDE * SIDE, CHANNELS).transpose(0, 2, 1).astype(dtype)
    scales = []
    for degree in (COARSE, FINE):
        surface = surfaces(degree).astype(dtype)
        rest = (channels - (channels @ surface) @ surface.T).reshape(len(channels), SIDE * SIDE * CHANNELS)
        scales.append(rest / np.maximum(np.linalg.norm(rest, axis=1, keepdims=True), TINY))
    return np.concatenate(scales, axis=1) * dtype(np.sqrt(0.5))


@cache
def surfaces(degree: int) -> np.ndarray:
    """Orthonormal polynomials in x and y up to a total degree on the pixels of a thumbnail: float64 [256, terms]."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    terms = [x**i * y**j for i in range(degree + 1) for j in range(degree + 1 - i)]
    return np.linalg.qr(np.stack([term.ravel() for term in terms], axis=1))[0]


def verified(
    thumbnails: Any, pairs: np.ndarray, min_correlation: float, max_difference: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return first, second, correlation and difference of the candidate pairs [P, 2] that are near by both measures."""
    cuts = [*range(0, len(pairs), BLOCK), len(pairs)]
    alike, apart = np.zeros(len(pairs), np.float32), np.zeros(len(pairs), np.float32)
    for start, stop in pairwise(cuts):
        a, b = (np.asarray(thumbnails[rows]) for rows in pairs[start:stop].T)
        apart[start:stop] = difference(a, b)
        some = np.flatnonzero(apart[start:stop] <= max_difference)
        alike[start + some] = np.einsum("ij,ij->i", detail(a[some]), detail(b[some]))
    near = (alike >= min_correlation) & (apart <= max_difference)
    return pairs[near, 0], pairs[near, 1], alike[near], apart[near]


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Largest of the RMS differences of 4 x 4 parts, once colour cast and contrast are matched: float32 [n].

    a, b: uint8 [n, 16, 16, 3]. In grey levels at the (geometric) mean contrast of the two.
    """
    centred = [(image - image.mean(axis=(1, 2), keepdims=True)).astype(np.float32) for image in (a, b)]
    spread = [np.maximum(image.std(axis=(1, 2, 3), keepdims=True), TINY) for image in centred]
    common = np.sqrt(spread[0] * spread[1])
    rest = centred[0] * (common / spread[0]) - centred[1] * (common / spread[1])
    parts = (rest**2).reshape(-1, SIDE // PART, PART, SIDE // PART, PART, CHANNELS).mean(axis=(2, 4, 5))
    return np.sqrt(parts.max(axis=(1, 2)))
