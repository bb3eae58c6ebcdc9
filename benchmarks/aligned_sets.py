"""Drawn sets in which every picture stands in the same place: garments, digits, cells, one product.

Each picture has a form of its own (drawn, not copied), so that no two of a set are copies; whatever pairs is chance.
"""

from collections.abc import Callable

import cv2
import numpy as np

Draw = Callable[[np.random.Generator, int, int], np.ndarray]
SHARPEN = 8  # sub-pixels a side, so that an edge is as soft as a camera's
GARMENTS: dict[str, list[tuple[float, float]]] = {  # right half of the outline: x from the middle, y from the top
    "top": [(0.08, 0.06), (0.24, 0.1), (0.44, 0.42), (0.34, 0.5), (0.26, 0.36), (0.25, 0.92)],
    "trousers": [(0.17, 0.05), (0.21, 0.4), (0.23, 0.95), (0.08, 0.95), (0.02, 0.42)],
    "coat": [(0.07, 0.03), (0.25, 0.09), (0.36, 0.5), (0.38, 0.9), (0.29, 0.9), (0.25, 0.5), (0.25, 0.96)],
    "dress": [(0.07, 0.04), (0.15, 0.12), (0.13, 0.4), (0.2, 0.7), (0.26, 0.95)],
    "bag": [(0.14, 0.3), (0.4, 0.36), (0.42, 0.85), (0.2, 0.9)],
}


def filled(points: np.ndarray, side: int) -> np.ndarray:
    """A polygon, points in [0, 1], as coverage float64 [side, side]."""
    canvas = np.zeros((side * SHARPEN, side * SHARPEN), np.uint8)
    cv2.fillPoly(canvas, [np.round(points * side * SHARPEN).astype(np.int32)], 255)
    return cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA) / 255.0


def garment(rng: np.random.Generator, label: int, side: int) -> np.ndarray:
    """A silhouette on black, with a shade of its own, folds, sometimes stripes, a print or an open front."""
    outline = np.array(list(GARMENTS.values())[label % len(GARMENTS)])
    outline = outline * rng.normal(1, (0.1, 0.03), 2) + rng.normal(0, 0.012, outline.shape)
    points = np.concatenate([outline, outline[::-1] * (-1, 1)]) + np.array([0.5, 0])
    y, x = np.mgrid[:side, :side] / side
    shade = rng.uniform(0.3, 0.95) + rng.normal(0, 0.08) * (x - 0.5) + rng.normal(0, 0.08) * (y - 0.5)
    shade += 0.05 * cv2.resize(rng.normal(0, 1, (7, 7)), (side, side), interpolation=cv2.INTER_CUBIC)
    kind = rng.integers(0, 5)
    if kind == 0:
        shade += rng.uniform(0.03, 0.2) * np.sin(2 * np.pi * rng.uniform(3, 9) * y + rng.uniform(0, 6))
    elif kind == 1:
        centre = rng.uniform(0.35, 0.65, 2)
        shade += rng.normal(0, 0.25) * (np.hypot(x - centre[0], y - centre[1]) < rng.uniform(0.06, 0.14))
    elif kind == 2:
        shade -= rng.uniform(0.1, 0.4) * np.exp(-((x - 0.5) ** 2) / 0.0006)
    return 255 * filled(points, side) * shade


def digit(rng: np.random.Generator, label: int, side: int) -> np.ndarray:
    """A numeral in strokes on black, slanted, bent and thick as a hand has it."""
    large = np.zeros((side * SHARPEN, side * SHARPEN), np.uint8)
    scale = side * SHARPEN / 32
    cv2.putText(
        large, str(label % 10), (int(6 * scale), int(26 * scale)), cv2.FONT_HERSHEY_SIMPLEX, scale,
        255, int(scale * rng.uniform(2, 4.5)), cv2.LINE_AA,
    )  # fmt: skip
    turn = np.eye(2) + rng.normal(0, 0.12, (2, 2))
    middle = np.full(2, large.shape[0] / 2)
    large = cv2.warpAffine(large, np.c_[turn, middle - turn @ middle + rng.normal(0, scale, 2)], large.shape[::-1])
    bend = cv2.resize(rng.normal(0, 1.2 * scale, (4, 4, 2)), large.shape, interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[: large.shape[0], : large.shape[1]].astype(np.float32)
    large = cv2.remap(large, x + bend[..., 0].astype(np.float32), y + bend[..., 1].astype(np.float32), cv2.INTER_LINEAR)
    return cv2.resize(large, (side, side), interpolation=cv2.INTER_AREA).astype(np.float64)


def cell(rng: np.random.Generator, label: int, side: int) -> np.ndarray:
    """A round cell in the middle of a bright field: membrane, a nucleus where its class has it, some grains."""
    y, x = np.mgrid[:side, :side] / side - 0.5
    angle, squeeze, radius = rng.uniform(0, np.pi), rng.uniform(0.85, 1), rng.uniform(0.36, 0.42)
    away = np.hypot(x * np.cos(angle) + y * np.sin(angle), (y * np.cos(angle) - x * np.sin(angle)) / squeeze)
    field = 215 + rng.normal(0, 6) - 70 / (1 + np.exp((away - radius) * 60))
    place, size = rng.normal(0, 0.05, 2), (0.1, 0.15, 0.19)[label % 3] * rng.uniform(0.85, 1.15)
    field -= rng.uniform(40, 75) / (1 + np.exp((np.hypot(x - place[0], y - place[1]) - size) * 50))
    for _ in range(rng.integers(0, 5)):
        spot = rng.uniform(-0.25, 0.25, 2)
        field -= rng.uniform(10, 40) * np.exp(-((x - spot[0]) ** 2 + (y - spot[1]) ** 2) / 0.0008)
    return field + rng.normal(0, 3, (side, side))


def part(rng: np.random.Generator, label: int, side: int) -> np.ndarray:
    """One product on one stand, photographed again and again: the light and the grain differ, and a scratch."""
    y, x = np.mgrid[:side, :side] / side
    field = 90.0 + 60 * (abs(x - 0.5) < 0.32) * (abs(y - 0.5) < 0.2) + 50 * (np.hypot(x - 0.35, y - 0.5) < 0.09)
    field += 40 * (np.hypot(x - 0.65, y - 0.5) < 0.06) + rng.normal(0, 20) * (x - 0.5) + rng.normal(0, 20) * (y - 0.5)
    start, angle = rng.uniform(0.25, 0.75, 2), rng.uniform(0, np.pi)
    if label % 2:
        across = abs((x - start[0]) * np.sin(angle) - (y - start[1]) * np.cos(angle))
        field -= 60 * (across < 0.012) * (np.hypot(x - start[0], y - start[1]) < 0.15)
    return field * rng.uniform(0.8, 1.15) + rng.normal(0, 4, (side, side))


SETS: dict[str, tuple[Draw, int, int]] = {  # how it is drawn, classes, pixels a side
    "garments": (garment, 5, 28),
    "digits": (digit, 10, 28),
    "cells": (cell, 3, 64),
    "parts": (part, 2, 64),
}


def drawn(name: str, n: int, seed: int = 1) -> list[np.ndarray]:
    """N pictures of a set, uint8 [side, side, 3], the classes in turn."""
    draw, n_classes, side = SETS[name]
    pictures = (draw(np.random.default_rng([seed, i]), i % n_classes, side) for i in range(n))
    return [np.repeat(np.clip(picture, 0, 255).astype(np.uint8)[..., None], 3, axis=2) for picture in pictures]
